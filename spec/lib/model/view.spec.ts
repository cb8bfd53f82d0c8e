import { expect } from 'chai';
import { slotsFor } from '../../../lib/model/view.ts';
import { appears, givenView, registration, serving, tagged } from '../../support/given.ts';

describe('slotsFor', () => {
  const inLegacy = (service: string) =>
    serving({ ...tagged('haproxy.backend=custom', 'haproxy.backend.name=no_route'), service, id: service });
  const { backends } = givenView()
    .settle(appears(serving(registration())), appears(inLegacy('a')), appears(inLegacy('b')))
    .view();

  it('are all slots of a section of ours, whoever asks: it has one service', () => {
    expect(slotsFor(backends.get('web'), 'default/web')).to.have.length(4);
    expect(slotsFor(backends.get('web'), 'default/heir')).to.have.length(4);
  });

  it('are its own in a section of somebody else', () => {
    const names = slotsFor(backends.get('no_route'), 'default/b').map(({ name }) => name);
    expect(names).to.deep.equal(['nomad05', 'nomad06', 'nomad07', 'nomad08']);
    expect(slotsFor(backends.get('no_route'), 'default/web')).to.deep.equal([]);
  });

  it('are none in a backend that is not there', () => {
    expect(slotsFor(backends.get('gone'), 'default/web')).to.deep.equal([]);
  });
});
