import { createTwin } from '../../../lib/haproxy/dry-run.ts';
import { contractConfig, holdsTheContract } from '../../support/haproxy-contract.ts';

describe('the twin of a dry run', () => {
  holdsTheContract(() => {
    const { end, state } = createTwin(contractConfig, 'nomad');
    return Promise.resolve({
      end,
      rewrite: (edit) => {
        state.text = edit(state.text);
        state.version += 1;
        return Promise.resolve();
      },
      reloads: () => Promise.resolve(state.reloads),
    });
  });
});
