import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { endpoint } from '../../lib/model/service.ts';
import type { View } from '../../lib/model/view.ts';
import { stateOf } from './cluster.ts';
import { valueNow } from './value-now.ts';
import { createWorld, policy, type World } from './world.ts';

/** Longer than an audit of the stream, and than any wait before something is tried again. */
const lookEveryMs = 45_000;
const quietWithinMs = 20 * 60_000;
/** Longer than a rotation of the resync. */
const resyncMs = 70_000;

/**
 * Ends all faults, waits for quiet, and compares: what has come of the whole story has to be what a fresh start makes of
 * its last line. Then nothing is written any more, not even by another connector.
 */
export function expectQuiet(world: World): void {
  const { time, restart } = world;
  mend(world);
  const wanted = freshStart(world);
  let before: unknown;
  let quiet: unknown;
  for (let waitedMs = 0; waitedMs < quietWithinMs; waitedMs += lookEveryMs) {
    before = writesOf(world);
    time.advance(lookEveryMs);
    expectNoBug(world);
    quiet = writesOf(world);
    if (differences(world, wanted).length === 0 && isDeepStrictEqual(before, quiet)) break;
  }
  expect(differences(world, wanted), 'what differs from a fresh start').to.deep.equal([]);

  time.advance(resyncMs);
  expect(writesOf(world), 'writes of a resync').to.deep.equal(quiet);
  if (wanted.refused.size > 0) return;
  restart();
  time.advance(resyncMs);
  expect(writesOf(world), 'writes of another connector').to.deep.equal(quiet);
  expectNoBug(world);
}

export function expectNoBug({ bugs }: World): void {
  for (const bug of bugs) throw bug;
}

/** Ends faults. */
function mend({ nomad, haproxy, deaf }: World): void {
  nomad.mend();
  haproxy.mend();
  deaf.clear();
}

/** HAProxy as it should be, in lines: slot numbers and free slots are left out. */
interface Wanted {
  readonly lines: ReadonlySet<string>;
  /** Their wish is refused: they keep what they have, also a section whose name another one wants, and that is history. */
  readonly refused: ReadonlySet<string>;
}

/** What a connector makes of this cluster that has never seen it before, in a HAProxy that has never seen a connector. */
function freshStart({ circumstances, nomad, foreign }: World): Wanted {
  const fresh = createWorld(circumstances, stateOf(nomad.cluster), foreign.text);
  fresh.time.advance(10_000);
  expectNoBug(fresh);
  const refused = new Set(fresh.failed());
  const lines = new Set(linesOf(viewOf(fresh), refused));
  fresh.stop();
  return { lines, refused };
}

function differences(world: World, { lines, refused }: Wanted): readonly string[] {
  const view = viewOf(world);
  const actual = new Set(linesOf(view, new Set()));
  const kept = [...view.backends.values()].filter(({ mark }) => mark !== undefined && refused.has(mark.service));
  const isKept = (line: string) => kept.some(({ name }) => line.split(/[ :]/).includes(name));
  const accountable = linesOf(view, refused);
  const foreign = withoutOurs(world.haproxy.state.text);
  return [
    ...[...lines].filter((line) => !actual.has(line) && !isKept(line)).map((line) => `missing: ${line}`),
    ...accountable.filter((line) => !lines.has(line) && !line.startsWith('routed ')).map((line) => `too much: ${line}`),
    ...(foreign === world.foreign.text ? [] : [`foreign text: ${foreign}`]),
  ];
}

function linesOf(view: View, refused: ReadonlySet<string>): readonly string[] {
  const isRefusedIn = (name: string) =>
    [...view.backendsOf].some(([key, names]) => refused.has(key) && names.includes(name));
  const backends = [...view.backends.values()].filter(({ mark }) => mark === undefined || !refused.has(mark.service));
  return [
    ...backends.flatMap(({ name, mark, slots }) => [
      ...(mark === undefined ? [] : [`backend ${name} of ${mark.service}, made from ${mark.hash}`]),
      ...slots
        .filter(({ service }) => !refused.has(service))
        .flatMap((slot) => [
          `backend ${name} has slots for ${slot.service}: ${slot.options}`,
          ...(slot.state === 'free'
            ? []
            : [`${slot.state} in ${name}: ${endpoint(slot)} ${slot.weight} ${slot.alloc}`]),
        ]),
    ]),
    ...Object.entries(view.maps).flatMap(([map, rows]) =>
      [...rows].filter(([, backend]) => !isRefusedIn(backend)).map(([key, backend]) => `row ${map} ${key} ${backend}`),
    ),
    ...[...view.frontends.values()].filter(({ routed }) => routed).map(({ name }) => `routed ${name}`),
  ];
}

/** All that HAProxy was ever told, as figures; rows as they are, because they are not counted. */
function writesOf(world: World): unknown {
  const { commits, reloads } = world.haproxy.state;
  return { commits, reloads, lines: linesOf(viewOf(world), new Set()) };
}

function viewOf({ haproxy: { twin } }: World): View {
  return valueNow(twin.read());
}

/** The text with everything taken out that carries our mark, line by line; told by eye, not by the code under test. */
function withoutOurs(text: string): string {
  const sections: string[][] = [[]];
  for (const line of text.split('\n')) {
    if (/^(global|defaults|frontend|backend)\b/.test(line)) sections.push([]);
    sections.at(-1)!.push(line);
  }
  return sections
    .flatMap((lines) => {
      if (lines.some((line) => line.startsWith(`  description ${policy.owner} `))) {
        return lines.slice(lines.findLastIndex((line) => /^ *\w/.test(line)) + 2);
      }
      return lines.filter(
        (line) => !line.includes(`"owner":"${policy.owner}"`) && !line.includes(`txn.${policy.owner}_`),
      );
    })
    .join('\n');
}
