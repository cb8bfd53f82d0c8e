import { expect } from 'chai';
import { once } from 'node:events';
import { connect } from 'node:net';
import { startAdmin } from '../../lib/admin.ts';
import type { ServiceKey } from '../../lib/model/events.ts';
import type { Server } from '../../lib/server.ts';

describe('admin', () => {
  let admin: Server;
  let held: readonly ServiceKey[];
  let asked: number;

  beforeEach(async () => {
    held = ['default/web', 'shop/api'];
    asked = 0;
    admin = await startAdmin({
      host: '127.0.0.1',
      port: 0,
      release: () => {
        asked += 1;
        return held;
      },
    });
  });

  afterEach(() => admin.close());

  function ask(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${admin.port}${path}`, { method: 'POST', ...init });
  }

  it('releases what is held, and says what it was', async () => {
    const response = await ask('/release');
    expect(response.status).to.equal(200);
    expect(await response.json()).to.deep.equal({ status: 'released', services: held });
    expect(asked).to.equal(1);
  });

  const refused: readonly (readonly [what: string, path: string, init: RequestInit, status: number])[] = [
    ['another path', '/', {}, 404],
    ['a query', '/release?all', {}, 404],
    ['a read', '/release', { method: 'GET' }, 405],
    ['a preflight', '/release', { method: 'OPTIONS' }, 405],
    ['a page', '/release', { headers: { origin: 'http://127.0.0.1' } }, 403],
  ];
  for (const [what, path, init, status] of refused) {
    it(`answers ${what} with ${status} and releases nothing`, async () => {
      const response = await ask(path, init);
      expect(response.status).to.equal(status);
      expect(response.headers.get('allow')).to.equal(status === 405 ? 'POST' : null);
      expect(response.headers.has('access-control-allow-origin')).to.equal(false);
      expect(asked).to.equal(0);
    });
  }

  it('reads no body, however long', async () => {
    const socket = connect(admin.port, '127.0.0.1').on('error', () => undefined);
    await once(socket, 'connect');
    socket.write('POST /release HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\nx');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).to.match(/^HTTP\/1\.1 200 /);
    await once(socket, 'close');
  });

  it('closes at once, whatever is open', async () => {
    const socket = connect(admin.port, '127.0.0.1').on('error', () => undefined);
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    await admin.close();
    await closed;
  });
});
