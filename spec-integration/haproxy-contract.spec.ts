import { createDataplaneClient } from '../lib/haproxy/client.ts';
import { createDataplaneEnd } from '../lib/haproxy/dataplane-end.ts';
import { contractConfig, holdsTheContract } from '../spec/support/haproxy-contract.ts';
import { answerOf, forEachImage, startHaproxy, type Haproxy } from './support/haproxy.ts';

forEachImage((image) => {
  describe('the Data Plane API as an end', () => {
    let haproxy: Haproxy | undefined;

    holdsTheContract(async () => {
      const { api, reloads } = (haproxy = await startHaproxy({ image, config: contractConfig }));
      const client = createDataplaneClient(api);
      const end = createDataplaneEnd(client, {
        owner: 'nomad',
        stem: 'nomad',
        domainMap: true,
        drift: { intervalMs: 60_000, respectManualMaint: false },
        persistDelayMs: 1000,
        reloadIntervalMs: 2000,
        persistMaxMs: 5000,
        now: () => performance.now(),
      });
      return {
        end,
        rewrite: async (edit) => {
          const { version, text } = await answerOf(client.getRaw());
          await answerOf(client.postRaw({ version, text: edit(text), reload: 'force' }));
        },
        reloads,
      };
    });

    after(() => haproxy?.stop());
  });
});
