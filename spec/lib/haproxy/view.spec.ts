import { expect } from 'chai';
import { mapPaths } from '../../../lib/haproxy/routing.ts';
import { marksOf, readView, type MapRows } from '../../../lib/haproxy/view.ts';

const noRows: MapRows = { exact: new Map(), prefix: new Map(), regex: new Map() };
const view = (text: string, rows: Partial<MapRows> = {}) =>
  readView(text, 7, { ...noRows, ...rows }, 'nomad', mapPaths('/maps', 'nomad'));

const config = `
defaults main
  mode http
  balance leastconn

frontend www from main
  use_backend named if { path_beg /x }
  use_backend %[var(txn.nomad_be)] if { var(txn.nomad_be),nbsrv ge 0 }
  default_backend fallback

frontend raw from main
  mode tcp

backend web from main
  description nomad default/web 12ab34cd
  server nomad01 10.0.0.1:80 weight 100 # {"alloc":"a","owner":"nomad","service":"default/web"}
  server nomad02 127.0.0.1:1 weight 100 disabled # {"owner":"nomad","service":"default/web"}

backend shared
  server hand 10.9.9.9:80
  server nomad01 10.0.0.2:80 # {"owner":"nomad","service":"default/a"}
  server nomad02 10.0.0.3:80 # {"owner":"nomad","service":"default/b"}
`;

describe('readView', () => {
  it('reads frontends, defaults and the version', () => {
    const read = view(config);
    expect(read.version).to.equal(7);
    expect(read.defaults).to.deep.equal(['main']);
    expect([...read.frontends.values()]).to.deep.equal([
      { name: 'www', from: 'main', mode: 'http', routed: false },
      { name: 'raw', from: 'main', mode: 'tcp', routed: false },
    ]);
  });

  it('tells what is ours from what is not', () => {
    const { backends, backendsOf } = view(config);
    expect(backends.get('web')).to.deep.include({
      name: 'web',
      mark: { service: 'default/web', hash: '12ab34cd' },
      foreignServers: [],
    });
    expect(backends.get('web')?.slots.map(({ name, state }) => `${name} ${state}`)).to.deep.equal([
      'nomad01 serving',
      'nomad02 free',
    ]);
    expect(backends.get('shared')).not.to.have.property('mark');
    expect(backends.get('shared')?.foreignServers).to.deep.equal(['hand']);
    expect([...backendsOf]).to.deep.equal([
      ['default/web', ['web']],
      ['default/a', ['shared']],
      ['default/b', ['shared']],
    ]);
  });

  it('reads nothing of another owner as ours', () => {
    const { backends, backendsOf } = readView(config, 1, noRows, 'edge', mapPaths('/maps', 'edge'));
    expect(backendsOf.size).to.equal(0);
    expect(backends.get('web')?.foreignServers).to.deep.equal(['nomad01', 'nomad02']);
  });

  describe('finds mode and balance', () => {
    const of = (text: string) => {
      const { mode, dynamic } = view(`${text}\n`).backends.get('b')!;
      return `${mode} ${dynamic ? 'dynamic' : 'static'}`;
    };
    const cases: readonly (readonly [what: string, text: string, expected: string])[] = [
      ['as HAProxy has them where nothing is said', 'backend b', 'tcp dynamic'],
      ['in the section', 'backend b\n mode http\n balance source', 'http static'],
      ['in the defaults before it', 'defaults\n mode http\n balance source\nbackend b', 'http static'],
      ['in the last defaults before it', 'defaults\n mode http\ndefaults\nbackend b', 'tcp dynamic'],
      ['in the defaults it names', 'defaults x\n mode http\ndefaults y\nbackend b from x', 'http dynamic'],
      [
        'in the defaults that those name',
        'defaults x\n mode http\ndefaults y from x\n balance source\nbackend b from y',
        'http static',
      ],
      ['in the section before its defaults', 'defaults\n mode http\nbackend b\n mode tcp', 'tcp dynamic'],
      [
        'in defaults that do not exist: those before it',
        'defaults\n mode http\nbackend b from nothing',
        'http dynamic',
      ],
      ['with arguments', 'backend b\n balance random(3)', 'tcp dynamic'],
      ['of a hash', 'backend b\n balance uri whole', 'tcp static'],
      ['of a consistent hash', 'backend b\n balance uri\n hash-type consistent', 'tcp dynamic'],
      ['of a map-based hash', 'backend b\n balance uri\n hash-type map-based', 'tcp static'],
      ['of static-rr, whatever the hash type', 'backend b\n balance static-rr\n hash-type consistent', 'tcp static'],
      ['of leastconn and first', 'backend b\n balance first', 'tcp dynamic'],
    ];
    for (const [what, text, expected] of cases) {
      it(`${what}: ${expected}`, () => {
        expect(of(text)).to.equal(expected);
      });
    }
  });

  describe('finds whether something hand-written names a backend', () => {
    const lines: readonly (readonly [line: string, referenced: boolean])[] = [
      ['use_backend web if x', true],
      ['  use_backend web unless { path / }', true],
      ['default_backend web', true],
      ['acl alive nbsrv(web) ge 1', true],
      ['http-request deny if { be_conn(web) gt 9 }', true],
      ['acl up srv_is_up(web/nomad01)', true],
      ['stick store-request src table web', true],
      ['server s 10.0.0.1:80 track web/nomad01', true],
      ['use_backend website', false],
      ['# use_backend web', false],
      ['acl web path_beg /web', false],
      ['server web 10.0.0.1:80', false],
      ['use_backend %[var(txn.nomad_be)] if { var(txn.nomad_be),nbsrv ge 0 }', false],
    ];
    for (const [line, referenced] of lines) {
      it(`${referenced ? 'it does' : 'it does not'}: ${line}`, () => {
        const { backends } = view(`frontend www\n${line}\nbackend web\n`);
        expect(backends.get('web')?.referenced).to.equal(referenced);
      });
    }
  });

  it('sorts the rows of the maps by backend', () => {
    const rows = {
      exact: new Map([
        ['a.com', 'web'],
        ['b.com', 'shared'],
      ]),
      regex: new Map([['^x', 'web']]),
    };
    expect([...view(config, rows).rowsOf]).to.deep.equal([
      [
        'web',
        [
          { map: 'exact', key: 'a.com' },
          { map: 'regex', key: '^x' },
        ],
      ],
      ['shared', [{ map: 'exact', key: 'b.com' }]],
    ]);
  });
});

describe('marksOf', () => {
  it('says what an earlier run made, for whom, and which rows lead there', () => {
    expect(marksOf(view(config, { exact: new Map([['a.com', 'web']]) }))).to.deep.equal([
      { service: 'default/web', backend: 'web', owned: true, routes: [{ map: 'exact', key: 'a.com' }] },
      { service: 'default/a', backend: 'shared', owned: false, routes: [] },
      { service: 'default/b', backend: 'shared', owned: false, routes: [] },
    ]);
  });
});
