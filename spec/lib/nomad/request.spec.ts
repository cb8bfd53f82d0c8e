import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { assert, expect } from 'chai';
import { firstValueFrom, lastValueFrom, type Observable } from 'rxjs';
import { FailureError, type Failure } from '../../../lib/model/failure.ts';
import { requestJson, type Limits, type Request } from '../../../lib/nomad/request.ts';
import { transportOf, type Transport } from '../../../lib/nomad/transport.ts';
import { until } from '../../support/nomad-server.ts';

const request: Request = { url: '/v1/any', headers: {}, where: 'GET any', needs: 'nothing', hide: (text) => text };
const limits: Limits = { silenceMs: 1000, bytes: 1000 };

async function failureOf(asked: Observable<unknown>): Promise<Failure> {
  try {
    await lastValueFrom(asked);
  } catch (error) {
    assert(error instanceof FailureError, String(error));
    return error.failure;
  }
  assert.fail('it did not fail');
}

describe('requestJson', () => {
  let server: Server | undefined;
  let asked: number;

  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
  });

  async function serve(path: string, listener: RequestListener): Promise<Transport> {
    asked = 0;
    server = createServer((request, response) => {
      asked += 1;
      listener(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
    return transportOf({ address, skipVerify: false });
  }

  it('asks below the path of the address, on a connection that is kept', async () => {
    const ports = new Set<number | undefined>();
    const { pooled } = await serve('/nomad/', ({ url, socket }, response) => {
      ports.add(socket.remotePort);
      response.writeHead(200, { 'X-Nomad-Index': 7 }).end(JSON.stringify({ url }));
    });
    const answer = { index: 7, value: { url: '/nomad/v1/any' } };
    expect(await firstValueFrom(requestJson(pooled, request, limits))).to.deep.equal(answer);
    expect(await firstValueFrom(requestJson(pooled, request, limits))).to.deep.equal(answer);
    expect(ports).to.have.length(1);
  });

  it('puts characters together that come in two parts', async () => {
    const { pooled } = await serve('', (_, response) => {
      const text = Buffer.from('"ü"');
      response.writeHead(200, { 'X-Nomad-Index': 7 }).write(text.subarray(0, 2));
      setTimeout(() => response.end(text.subarray(2)), 20);
    });
    expect(await firstValueFrom(requestJson(pooled, request, limits))).to.deep.equal({ index: 7, value: 'ü' });
  });

  it('tries once more when the connection breaks, before the answer or in it', async () => {
    const { pooled } = await serve('', (_, response) => {
      if (asked === 1 || asked === 3) response.destroy();
      else if (asked === 4) response.writeHead(200, { 'X-Nomad-Index': 7, 'Content-Length': 9 }).write('[');
      else response.writeHead(200, { 'X-Nomad-Index': 7 }).end('[]');
      if (asked === 4) setTimeout(() => response.destroy(), 20);
    });
    expect(await firstValueFrom(requestJson(pooled, request, limits))).to.deep.equal({ index: 7, value: [] });
    expect(await failureOf(requestJson(pooled, request, limits))).to.include({ kind: 'unreachable' });
    expect(asked).to.equal(4);
  });

  it('gives up when nothing comes, and closes the connection', async () => {
    let closed = false;
    const { pooled } = await serve('', (_, response) => {
      response.on('close', () => (closed = true));
    });
    const failure = await failureOf(requestJson(pooled, request, { ...limits, silenceMs: 50 }));
    expect(failure).to.include({ kind: 'unreachable', message: 'no answer from Nomad: nothing came for 50 ms' });
    await until(() => closed);
    expect(asked).to.equal(1);
  });

  it('refuses an answer that is too long', async () => {
    const { pooled } = await serve('', (_, response) => {
      response.writeHead(200, { 'X-Nomad-Index': 7 }).end(JSON.stringify('x'.repeat(999)));
    });
    const failure = await failureOf(requestJson(pooled, request, limits));
    expect(failure).to.include({ kind: 'malformed', message: 'the answer has more than 1000 bytes' });
  });

  it('refuses an answer without index', async () => {
    const { pooled } = await serve('', (_, response) => {
      response.end('[]');
    });
    expect(await failureOf(requestJson(pooled, request, limits))).to.include({
      kind: 'malformed',
      message: 'the answer has no X-Nomad-Index',
    });
  });

  it('is aborted by unsubscribing', async () => {
    let closed = 0;
    const { pooled } = await serve('', (_, response) => {
      response.on('close', () => (closed += response.writableEnded ? 0 : 1));
    });
    const subscription = requestJson(pooled, request, limits).subscribe();
    await until(() => asked === 1);
    subscription.unsubscribe();
    await until(() => closed === 1);
  });
});
