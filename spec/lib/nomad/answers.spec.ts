import { expect } from 'chai';
import { parseRegistrations } from '../../../lib/nomad/answers.ts';

function raw(id: string, tags: readonly string[] | null): object {
  return {
    ID: id,
    ServiceName: 'web',
    Namespace: 'default',
    NodeID: 'node',
    JobID: 'shop',
    AllocID: `alloc-${id}`,
    Tags: tags === null ? null : [...tags],
    Address: '10.0.0.1',
    Port: 8080,
    CreateIndex: 1,
    ModifyIndex: 1,
  };
}

describe('parseRegistrations', () => {
  it('reads each with its tags, and keeps equal lists of tags once', () => {
    const tags = ['haproxy.enable=true', 'haproxy.weight=10'];
    const parsed = parseRegistrations([raw('a', tags), raw('b', tags), raw('c', tags.toReversed()), raw('d', null)]);
    if (!parsed.ok) throw new Error(parsed.why);
    expect(parsed.value.map(({ id }) => id)).to.deep.equal(['a', 'b', 'c', 'd']);
    expect(parsed.value.map((one) => one.tags)).to.deep.equal([tags, tags, tags.toReversed(), []]);
    expect(parsed.value[1]?.tags).to.equal(parsed.value[0]?.tags);
  });

  it('takes a service without instances', () => {
    expect(parseRegistrations([])).to.deep.equal({ ok: true, value: [] });
  });

  it('takes nothing of an answer with one that is malformed, and says which', () => {
    expect(parseRegistrations([raw('a', []), { ...raw('b', []), Port: 'http' }])).to.deep.equal({
      ok: false,
      why: '/1 /Port must be integer',
    });
    expect(parseRegistrations({})).to.deep.equal({ ok: false, why: 'must be array' });
  });
});
