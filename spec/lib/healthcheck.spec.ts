import { expect } from 'chai';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { checkHealth } from '../../lib/healthcheck.ts';

describe('checkHealth', () => {
  let server: Server | undefined;

  afterEach(() => {
    server?.close();
    server = undefined;
  });

  async function serve(status: number, host: string): Promise<string> {
    server = createServer((request, response) => {
      response.writeHead(request.url === '/health' ? status : 404).end();
    });
    await once(server.listen(0, host), 'listening');
    return String((server.address() as AddressInfo).port);
  }

  it('is well when /health answers 200', async () => {
    expect(await checkHealth({ HEALTH_HOST: '127.0.0.1', HEALTH_PORT: await serve(200, '127.0.0.1') })).to.equal(0);
  });

  it('asks loopback of a connector that listens everywhere', async () => {
    expect(await checkHealth({ HEALTH_PORT: await serve(200, '0.0.0.0') })).to.equal(0);
    expect(await checkHealth({ HEALTH_HOST: '::', HEALTH_PORT: '1' })).to.equal(1);
  });

  it('is not well when it answers otherwise', async () => {
    expect(await checkHealth({ HEALTH_HOST: '127.0.0.1', HEALTH_PORT: await serve(500, '127.0.0.1') })).to.equal(1);
  });

  it('is not well when nobody answers', async () => {
    const port = await serve(200, '127.0.0.1');
    server?.close();
    expect(await checkHealth({ HEALTH_HOST: '127.0.0.1', HEALTH_PORT: port })).to.equal(1);
  });
});
