import { expect } from 'chai';
import type { Ghost, Registration } from '../../../lib/model/events.ts';
import { createGhostBook } from '../../../lib/nomad/ghosts.ts';
import { deregistered, registered, registration, snapshot } from '../../support/given.ts';

const web = registration();
const two = registration({ port: 8002, createIndex: 20 });
const far = registration({ namespace: 'far', port: 8003 });
const ghostOf = ({ namespace, id, service, createIndex }: Registration): Ghost => ({
  namespace,
  id,
  service,
  createIndex,
});

/** What Nomad answers when the allocations of these registrations, and no others, live. */
function living(index: number, ...registrations: readonly Registration[]) {
  return [{ index, value: registrations.map(({ namespace, alloc }) => ({ namespace, id: alloc })) }];
}

describe('createGhostBook', () => {
  function bookOf(...registrations: readonly Registration[]) {
    const book = createGhostBook();
    book.note(snapshot(registrations));
    return book;
  }

  it('finds registrations of no living allocation, and says it once', () => {
    const book = bookOf(web, two);
    expect(book.judge(living(100, web))).to.deep.equal({ ghosts: [ghostOf(two)], returned: false });
    expect(book.judge(living(101, web))).to.equal(undefined);
  });

  it('has nothing to say where each has its allocation', () => {
    expect(bookOf(web, two).judge(living(100, web, two))).to.equal(undefined);
  });

  it('does not judge what was registered after the list was read', () => {
    expect(bookOf(web, two).judge(living(19, web))).to.equal(undefined);
    expect(bookOf(web, two).judge(living(20, web))?.ghosts).to.deep.equal([ghostOf(two)]);
  });

  it('does not judge a namespace of which the list has nothing', () => {
    expect(bookOf(web, far).judge(living(100, web))).to.equal(undefined);
    expect(bookOf(web).judge(living(100))).to.equal(undefined);
  });

  it('takes the lists of several namespaces as one, as old as the oldest', () => {
    const book = bookOf(web, two, far);
    expect(book.judge([...living(100, web), ...living(10, far)])).to.equal(undefined);
    expect(book.judge([...living(100, web), ...living(20, far)])?.ghosts).to.deep.equal([ghostOf(two)]);
  });

  it('follows what is told', () => {
    const book = createGhostBook();
    book.note(registered(web));
    book.note(registered(two));
    book.note({ kind: 'nomad-connected', address: 'http://n' });
    expect(book.judge(living(100, web))?.ghosts).to.deep.equal([ghostOf(two)]);
    book.note(deregistered(two));
    expect(book.judge(living(100, web))).to.deep.equal({ ghosts: [], returned: false });
  });

  it('says when one is alive again, and takes one that was registered anew for another', () => {
    const book = bookOf(web, two);
    book.judge(living(100, web));
    expect(book.judge(living(101, web, two))).to.deep.equal({ ghosts: [], returned: true });
    book.judge(living(102, web));
    book.note(registered({ ...two, createIndex: 103 }));
    expect(book.judge(living(102, web))).to.deep.equal({ ghosts: [], returned: false });
  });
});
