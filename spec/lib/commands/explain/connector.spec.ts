import { expect } from 'chai';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  askConnector,
  explainConnector,
  type ConnectorAsked,
  type RunningConnector,
} from '../../../../lib/commands/explain/connector.ts';
import { explainText } from '../../../../lib/commands/explain/output.ts';
import { hiding } from '../../../../lib/secrets.ts';
import { createStatusBoard } from '../../../../lib/status-board.ts';

const service = 'default/web';
const at = '127.0.0.1:8080';
const about = { version: '1.2.3', startedAt: 0, dryRun: false };
const nothing: RunningConnector = { about, reloads: [], latency: [], services: [] };
const failure = { kind: 'rejected', message: 'POST /x: refused', where: 'x', hint: 'mend the tag' } as const;

/** As `/status` of a connector that was told what follows. */
function board() {
  return createStatusBoard({
    version: '1.2.3',
    dryRun: false,
    ready: () => ({ ready: true, reasons: [] }),
    hide: hiding([]),
    now: () => 5000,
    measure: () => undefined,
  });
}

describe('explain, of a connector that runs,', () => {
  let server: Server | undefined;

  afterEach(() => server?.close());

  async function serve(status: number, body: string): Promise<number> {
    server = createServer((request, response) => {
      const isStatus = request.url === '/status';
      response.writeHead(isStatus ? status : 404, { connection: 'close' }).end(body);
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  function asked(running: RunningConnector): ConnectorAsked {
    return { at, running };
  }

  it('asks for its status, at any of the addresses that are this machine', async () => {
    const { observe, whole } = board();
    observe({ kind: 'service-failed', service, failure, retryInMs: 1000 });
    const port = await serve(200, whole());
    for (const host of ['127.0.0.1', '0.0.0.0']) {
      const { at: address, running } = await askConnector({ host, port });
      expect(address).to.equal(`127.0.0.1:${port}`);
      expect(running?.services).to.have.length(1);
    }
  });

  const others: readonly (readonly [who: string, status: number, body: string])[] = [
    ['somebody else', 200, '{"hello":"world"}'],
    ['a page', 200, '<html></html>'],
    ['a connector of before', 404, '{"status":"not found"}'],
  ];
  for (const [who, status, body] of others) {
    it(`takes nothing from ${who}`, async () => {
      expect(await askConnector({ host: '127.0.0.1', port: await serve(status, body) })).not.to.have.property(
        'running',
      );
    });
  }

  it('takes nothing from nobody', async () => {
    expect(await askConnector({ host: '127.0.0.1', port: 1 })).to.deep.equal({ at: '127.0.0.1:1' });
    expect(explainConnector({ at: '127.0.0.1:1' }, service)).to.equal(undefined);
  });

  it('tells what waits for what, its last error, events, write, reload and instance', () => {
    const connector = explainConnector(
      asked({
        ...nothing,
        reloads: [
          { at: 7000, cause: 'settings', services: ['default/db'], servicesInAll: 1, tookMs: 9 },
          { at: 6000, cause: 'new-backend', services: [service], servicesInAll: 1, tookMs: 80 },
        ],
        latency: [{ at: 6500, service, toldMs: 12, admittedMs: 3 }],
        services: [
          {
            service,
            state: 'failed',
            instances: 1,
            backends: [],
            waiting: [
              { at: '172.17.0.1:31185', alloc: 'a', node: 'n', admitted: false },
              { at: '172.17.0.1:31186', alloc: 'b', node: 'n', admitted: true },
            ],
            waitingInAll: 30,
            routes: [],
            lost: [],
            problems: [],
            failure: { at: 5000, failure, retryAt: 6000 },
            lastEvents: [
              { at: 3500, what: 'admitted', alloc: '0ebdbd3e-1ae3', place: '10.0.0.1:80' },
              { at: 3000, what: 'registered', alloc: '0ebdbd3e-1ae3', place: '10.0.0.1:80' },
            ],
            lastWrite: { at: 4000, lane: 'runtime', steps: ['fill-slot'] },
          },
        ],
      }),
      service,
    );
    expect(
      explainText({ service, ...(connector && { connector }) }, at)
        .trimEnd()
        .split('\n')
        .slice(3),
    ).to.deep.equal([
      '  connector 1.2.3 at 127.0.0.1:8080, since 1970-01-01T00:00:00.000Z: failed',
      '    172.17.0.1:31185 has not answered its probe yet',
      '    172.17.0.1:31186 waits for a slot',
      '    28 more wait',
      '    last events:',
      '      1970-01-01T00:00:03.500Z admitted: 0ebdbd3e at 10.0.0.1:80',
      '      1970-01-01T00:00:03.000Z registered: 0ebdbd3e at 10.0.0.1:80',
      '    last instance served: 1970-01-01T00:00:06.500Z, 12 ms after its event',
      '    last write: 1970-01-01T00:00:04.000Z, runtime (fill-slot)',
      '    last reload: 1970-01-01T00:00:06.000Z, new-backend, 80 ms',
      '    last error: 1970-01-01T00:00:05.000Z, POST /x: refused; mend the tag; tried again at 1970-01-01T00:00:06.000Z',
    ]);
  });

  it('says so where it does not know the service', () => {
    const connector = explainConnector(asked(nothing), service);
    expect(explainText({ service, ...(connector && { connector }) }, at)).to.include(': does not know it\n');
  });
});
