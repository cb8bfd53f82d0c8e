import { of } from 'rxjs';
import type { Event } from '../../lib/model/events.ts';
import type { Notice } from '../../lib/model/notice.ts';
import { readAliases } from '../../operators/read-aliases.ts';
import { deregistered, jobRegistered, job, registered, registration, snapshot } from '../support/given.ts';
import { marbles } from '../support/marbles.ts';

const theirs = registration({ tags: ['traefik.enable=true', 'traefik.udp.x=1'] });
const read = {
  ...theirs,
  tags: [...theirs.tags, 'haproxy.enable=true'],
  problems: [
    { subject: 'traefik.udp.x', text: 'cannot be followed: HAProxy does not forward UDP' },
    {
      subject: 'traefik tags',
      text: 'cannot be followed as a whole: no domain is taken from them; remove what is named, or give haproxy.domain',
    },
  ],
};
const plain = registration({ port: 8002 });
const values: Readonly<Record<string, Event | Notice>> = {
  r: registered(theirs),
  R: registered(read),
  s: snapshot([theirs, plain]),
  S: snapshot([read, plain]),
  p: registered(plain),
  d: deregistered(theirs),
  j: jobRegistered(job()),
  n: { kind: 'nomad-connected', address: 'http://nomad' },
};
const aliases = () => readAliases('haproxy', ['traefik']);

describe('readAliases', () => {
  it('adds our tags to registrations and to those of snapshots, and lets everything else pass', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot(' -r-s-p-d-j-n|', values);
      const subs = '       ^-----------!';
      const expected = '   -R-S-p-d-j-n|';
      expectObservable(source.pipe(aliases())).toBe(expected, values);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('leaves everything as it is without aliases', () => {
    marbles(({ cold, expectObservable }) => {
      const source = cold('-r-s-|', values);
      expectObservable(source.pipe(readAliases('haproxy', []))).toBe('-r-s-|', values);
    });
  });

  it('completes with an empty source, stays silent with one that never emits, and forwards an error', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold<Event>('|').pipe(aliases())).toBe('|');
      expectObservable(cold<Event>('-').pipe(aliases()), '^--!').toBe('----');
      expectObservable(cold('-r-#', values).pipe(aliases())).toBe('-R-#', values);
    });
  });

  it('reads a synchronous source', () => {
    marbles(({ expectObservable }) => {
      expectObservable(of(registered(theirs), deregistered(theirs)).pipe(aliases())).toBe('(Rd|)', values);
    });
  });

  it('can be left and subscribed again', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  -r-d-|', values);
      const result = source.pipe(aliases());
      expectObservable(result, '^-!').toBe('-R', values);
      expectObservable(result, '---^').toBe('----R-d-|', values);
      expectSubscriptions(source.subscriptions).toBe(['^-!', '---^----!']);
    });
  });
});
