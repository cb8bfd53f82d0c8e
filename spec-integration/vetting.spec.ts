import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { createDataplaneClient, type DataplaneClient } from '../lib/haproxy/client.ts';
import { createVetting, type Vetting } from '../lib/haproxy/vetting.ts';
import { FailureError, type Failure } from '../lib/model/failure.ts';
import { eventually } from './support/eventually.ts';
import { answerOf, configPath, forEachImage, startHaproxy, type Haproxy } from './support/haproxy.ts';

const config = `global
  stats socket /var/run/haproxy-runtime-api.sock mode 600 level admin

defaults main
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s

frontend fe from main
  bind :8080
  default_backend web

backend web from main
  http-request return status 200 content-type text/plain string "web"

backend spare from main
  balance roundrobin
`;

/** An API that reads an edit of the file only when it is told to. */
const text = readFileSync(new URL('images/dataplaneapi.yml', import.meta.url), 'utf8').replace(
  '  port: 5555\n',
  '  port: 5555\n  disable_inotify: true\n',
);

forEachImage((image) => {
  describe('vetting a file while the memory of the API is ahead of it, since a reload has failed', () => {
    let haproxy: Haproxy;
    let client: DataplaneClient;
    let vetting: Vetting;

    before(async () => {
      haproxy = await startHaproxy({ image, config, dataplane: { text, username: 'admin', password: 'dataplane' } });
      client = createDataplaneClient(haproxy.api);
    });

    after(() => haproxy.stop());

    beforeEach(async () => {
      vetting = createVetting(client);
      const { version, text } = await answerOf(client.getRaw());
      vetting.trust((await answerOf(client.postRaw({ version, text, reload: 'force' }))).text);
    });

    afterEach(readAnew);

    async function readAnew(): Promise<void> {
      await haproxy.exec('pkill', '-USR2', '-x', 'dataplaneapi');
      await eventually(async () => {
        const { version, text } = await answerOf(client.getRaw());
        expect(text).to.include(`# _version=${version}\n`);
      });
    }

    /** What somebody else writes, and HAProxy cannot load. */
    async function failToLoad(edit: (text: string) => string): Promise<void> {
      const { version, text } = await answerOf(client.getRaw());
      const bad = edit(text).replace('  bind :8080\n', '  bind :8080\n  bind 127.0.0.1:5555\n');
      const failure = await answerOf(client.postRaw({ version, text: bad, reload: 'force' })).then(() => undefined, of);
      expect(failure?.kind).to.equal('reload-failed');
    }

    const of = (error: unknown): Failure => {
      if (error instanceof FailureError) return error.failure;
      throw error;
    };
    const vet = async () => vetting.vet(await answerOf(client.getRaw())).then(() => undefined, of);

    it('takes the file that was put back for one that the API knows, whatever the memory lacks', async () => {
      await failToLoad((text) => text.replace(/^backend spare [\s\S]*?\n\n/m, ''));
      expect(await vet()).to.equal(undefined);
    });

    it('says of an edit that it has not been read yet, and nothing of what is not known', async () => {
      await failToLoad((text) => text);
      await haproxy.exec('sh', '-c', `printf '\\nbackend edited from main\\n  balance roundrobin\\n' >> ${configPath}`);
      const failure = await vet();
      expect(failure).to.include({ kind: 'conflict' });
      expect(failure?.message).to.include('has not read it yet');

      await readAnew();
      expect(await vet()).to.equal(undefined);
    });
  });
});
