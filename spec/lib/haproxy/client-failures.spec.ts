import { expect } from 'chai';
import { refused, unanswered } from '../../../lib/haproxy/client-failures.ts';
import { hiding } from '../../../lib/secrets.ts';

const config = 'PUT http://h:5555/v3/services/haproxy/configuration/raw';
const runtime = 'GET http://h:5555/v3/services/haproxy/runtime/info';

function said(message: string): string {
  return JSON.stringify({ code: 500, message });
}

describe('refused', () => {
  const cases: readonly (readonly [
    what: string,
    status: number,
    body: string,
    where: string,
    words: RegExp,
    hint: RegExp,
  ])[] = [
    [
      'that another server answers, by its 404 for /v3/info',
      404,
      '<html>Not Found</html>',
      'GET http://h:8080/v3/info',
      /^malformed HTTP status 404$/,
      /No Data Plane API v3 answers there: check haproxy.address .*\(host and port, without \/v3\)/,
    ],
    [
      'that another server answers, by its 404 for the running process',
      404,
      '<html>Not Found</html>',
      'GET http://h:8080/v3/services/haproxy/runtime/info',
      /^malformed HTTP status 404$/,
      /No Data Plane API v3 answers there/,
    ],
    [
      'of a 404 for anything else what is missing',
      404,
      said('backend web: not found'),
      'GET http://h:5555/v3/services/haproxy/configuration/backends/web',
      /^not-found /,
      /Check that it exists in the configuration/,
    ],
    [
      'what the API cannot do where haproxy.cfg is mounted as a file',
      500,
      said('rename /h/haproxy.cfg.tmp /h/haproxy.cfg: device or resource busy'),
      config,
      /^unreachable rename /,
      /The API answered with this error\. It must be able to replace haproxy\.cfg .* mount the directory, not the file/,
    ],
    [
      'to look at HAProxy where the API cannot reach the running process',
      500,
      said('dial unix /var/run/haproxy-master.sock: connection refused'),
      runtime,
      /^unreachable dial unix/,
      /The API answered with this error\. Check that HAProxy runs and master_runtime/,
    ],
    [
      'to look at the address where a proxy answers in its stead',
      502,
      '<html>Bad Gateway</html>',
      config,
      /^unreachable <html>/,
      /Check haproxy.address .* and that the Data Plane API runs/,
    ],
    [
      'which setting to change where the command fails by which the API reloads',
      400,
      said('Reload failed: executing false failed: exit status 1, '),
      config,
      /^reload-failed executing false failed/,
      /The command by which the API reloads HAProxy fails: in dataplaneapi\.yml set haproxy\.master_runtime/,
    ],
    [
      'to clear away transactions of which there are too many',
      429,
      said('too many'),
      config,
      /too many/,
      /delete them/,
    ],
  ];
  for (const [what, status, body, where, words, hint] of cases) {
    it(`says ${what}`, () => {
      const failure = refused(status, body, where, hiding([]));
      expect(`${failure.kind} ${failure.message}`).to.match(words);
      expect(failure.hint).to.match(hint);
      expect(failure.where).to.equal(where);
    });
  }
});

describe('unanswered', () => {
  it('points to http or https where TLS is not understood', () => {
    const error = { message: 'write EPROTO 40ED:error:0A00010B:SSL routines::wrong version number:\n', code: 'EPROTO' };
    expect(unanswered(error, 'GET https://h:5555/v3/info', 1)).to.deep.equal({
      kind: 'unreachable',
      message: 'write EPROTO 40ED:error:0A00010B:SSL routines::wrong version number:',
      where: 'GET https://h:5555/v3/info',
      hint: 'Check http or https in haproxy.address / HAPROXY_DATAPLANE_URL.',
    });
  });
});
