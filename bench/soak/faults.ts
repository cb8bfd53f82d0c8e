import { isRawWrite, type Fault as ApiFault } from '../../spec-integration/support/api-proxy.ts';
import { eventually } from '../../spec-integration/support/eventually.ts';
import { answerOf } from '../../spec-integration/support/haproxy.ts';
import { pause } from '../support/clock.ts';
import type { Random } from './random.ts';
import type { Scene } from './scene.ts';

/** Resolves when it is over, which is not when everybody has got over it. */
export type Fault = (scene: Scene, random: Random) => Promise<void>;

/** After it was killed. */
const apiStartsWithinMs = 20_000;

const seconds = (random: Random, least: number, most: number) => pause(1000 * random.between(least, most));

/** Calls to the API meet this fault for some seconds, one in three. */
function disturbApi(kind: ApiFault): Fault {
  return async ({ world }, random) => {
    world.proxy.disturb(() => (random.fraction() < 1 / 3 ? kind : undefined));
    await seconds(random, 1, 4);
    world.proxy.disturb(() => undefined);
  };
}

/** The next configuration write is done, and its answer does not come. */
const loseWrite: Fault = async ({ world }) => {
  world.proxy.disturb((call) => {
    if (!isRawWrite(call)) return undefined;
    world.proxy.disturb(() => undefined);
    return 'lost';
  });
  await pause(3000);
  world.proxy.disturb(() => undefined);
};

/** Ends every answer of REST in an error; the stream is cut, so that they are asked for. */
const failNomad: Fault = async ({ world: { nomad } }, random) => {
  for (const path of ['/v1/services', '/v1/service/none', '/v1/namespaces']) {
    nomad.fail({ path, status: 500, body: 'no cluster leader' });
  }
  nomad.endStream();
  await seconds(random, 1, 5);
  nomad.mend();
};

/** A connection that is open and dead, until the server's end gives it up. */
const silenceNomad: Fault = async ({ world: { nomad } }, random) => {
  nomad.silence();
  await seconds(random, 2, 8);
  nomad.endStream();
  nomad.mend();
};

const editConfiguration: Fault = async ({ world, noteForeignReload }, random) => {
  await eventually(() => answerOf(world.api.getInfo()), apiStartsWithinMs);
  const mode = random.pick(['force', 'skip'] as const);
  const name = `foreign${random.between(0, 4)}`;
  const section = `\nbackend ${name} from main\n  balance roundrobin\n`;
  await world.rewrite((text) => (text.includes(`\nbackend ${name} `) ? text : text + section), mode);
  if (mode === 'force') noteForeignReload();
};

/** Insists, because a reload that is asked for in the middle of another one may be forgotten. */
export async function reloadByHand({ world, noteForeignReload }: Scene): Promise<void> {
  while (!(await world.reload())) await pause(200);
  noteForeignReload();
}

/** By name: everything that happens at any time. */
export const faults: Readonly<Record<string, Fault>> = {
  'Nomad: stream ends': ({ world: { nomad } }) => {
    nomad.endStream();
    return Promise.resolve();
  },
  'Nomad: stream ends with an error': ({ world: { nomad } }) => {
    nomad.text('subscription closed by server, client should resubscribe');
    return Promise.resolve();
  },
  'Nomad: silent': silenceNomad,
  'Nomad: 500': failNomad,
  'Nomad: restarted': ({ world: { nomad } }, random) => nomad.restart(1000 * random.between(1, 4)),
  'API: calls cut': disturbApi('cut'),
  'API: answers lost': disturbApi('lost'),
  'API: 500': disturbApi('500'),
  'API: answer to a write lost': loseWrite,
  'API: killed': ({ world: { haproxy } }) => haproxy.kill('dataplaneapi'),
  'HAProxy: killed': ({ killHaproxy }) => killHaproxy(),
  'HAProxy: reloaded by somebody else': async (scene) => {
    await reloadByHand(scene);
  },
  'configuration: edited by somebody else': editConfiguration,
  'burst of new services': ({ cluster }, random) => {
    cluster.burst(random.between(10, 30));
    return Promise.resolve();
  },
  'many services stop at once': ({ cluster }, random) => {
    cluster.massStop(random.between(20, 60));
    return Promise.resolve();
  },
};

/** What heals in ten minutes at most, with the next snapshot that is taken for no reason; only by name (`--only`). */
export const slowlyHealed: Readonly<Record<string, Fault>> = {
  'garbage collection': ({ cluster }) => {
    cluster.collectGarbage();
    return Promise.resolve();
  },
};

/** Those after which the connector is another process; its memory begins anew. */
export const restarts: Readonly<Record<string, Fault>> = {
  'connector: SIGTERM, started again': ({ connectors }) => connectors.restart('stop'),
  'connector: SIGKILL, started again': ({ connectors }) => connectors.restart('kill'),
};
