import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { startNomad, type NomadServer } from '../spec/support/nomad-server.ts';
import { startConnector, type Connector } from './support/connector.ts';
import { eventually } from './support/eventually.ts';
import { images } from './support/haproxy.ts';
import { useWorld } from './support/world.ts';

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

const hostile = '"><img src=x onerror=alert(1)><script>alert(2)</script>';
const domain = (name: string) => [`haproxy.domain=${name}.example.com`];

/** What a page did that it must not. */
interface Watched {
  readonly page: Page;
  readonly complaints: string[];
}

async function portOf(connector: Connector): Promise<number> {
  return Number((await connector.logged('serving health, readiness and metrics'))['port']);
}

describe('the status page in Chromium', () => {
  const world = useWorld(images[0]!);
  let browser: Browser;
  const opened: Watched[] = [];
  const others: Connector[] = [];
  const nomads: NomadServer[] = [];

  before(async () => {
    if (!existsSync(executablePath)) {
      throw new Error(`there is no ${executablePath}: apt-get install chromium, or name another one by CHROMIUM`);
    }
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  });

  afterEach(async () => {
    const complaints = opened.flatMap((one) => one.complaints);
    await Promise.all(opened.map(({ page }) => page.context().close()));
    await Promise.all(others.map((connector) => connector.stop()));
    await Promise.all(nomads.map((nomad) => nomad.close()));
    opened.length = others.length = nomads.length = 0;
    expect(complaints).to.deep.equal([]);
  });

  after(() => browser.close());

  /** Opens the page, and watches it: an error, a dialog or a request to anybody else is a complaint. */
  async function open(port: number, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await (await browser.newContext(options)).newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      const isAway = message.text().includes('ERR_CONNECTION_REFUSED') || message.text().includes('ERR_INCOMPLETE');
      if (['error', 'warning'].includes(message.type()) && !isAway) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('dialog', (dialog) => {
      complaints.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      const { host, protocol } = new URL(request.url());
      if (protocol !== 'data:' && host !== `127.0.0.1:${port}`) complaints.push(`a request: ${request.url()}`);
    });
    opened.push({ page, complaints });
    page.setDefaultTimeout(20_000);
    await page.goto(`http://127.0.0.1:${port}/`);
    await live(page);
    return page;
  }

  async function live(page: Page): Promise<void> {
    await page.locator('#live', { hasText: /^live$/ }).waitFor();
  }

  function launch(env: Readonly<Record<string, string>> = {}): Connector {
    const connector = world().launch(env);
    others.push(connector);
    return connector;
  }

  function rowOf(page: Page, service: string) {
    return page.locator('#service-rows tr').filter({ has: page.getByRole('button', { name: service, exact: true }) });
  }

  async function says(page: Page, selector: string, text: string | RegExp): Promise<void> {
    await page.locator(selector, { hasText: text }).waitFor();
  }

  /** The connector on a dry run with so many services of Nomad: what is shown does not depend on HAProxy. */
  async function startMany(count: number) {
    const nomad = await startNomad();
    nomads.push(nomad);
    const register = (n: number, port = 10_000 + n) =>
      nomad.register({
        ServiceName: `svc-${String(n).padStart(3, '0')}`,
        Tags: ['haproxy.enable=true', ...domain(`svc-${n}`)],
        Address: '10.0.0.1',
        Port: port,
      });
    for (let n = 0; n < count; n += 1) register(n);
    const connector = startDry(nomad.address);
    await connector.logged('tried every service of the first snapshot');
    return { register, port: await portOf(connector) };
  }

  function startDry(address: string): Connector {
    const env = { NOMAD_ADDR: address, HEALTH_HOST: '127.0.0.1', HEALTH_PORT: '0' };
    const connector = startConnector(env, ['--dry-run']);
    others.push(connector);
    return connector;
  }

  it('shows services with their slots, routes, what was lost, reloads and versions', async () => {
    const { start } = world();
    const shop = await start('page-shop', domain('page-shop'));
    await start('page-shop', domain('page-shop'));
    await start('page-rival', [...domain('page-shop'), 'haproxy.weight=heavy']);
    const page = await open(await portOf(launch({ DRIFT_INTERVAL_MS: '2000' })));

    const row = rowOf(page, 'default/page-shop');
    await row.filter({ hasText: 'serving' }).filter({ hasText: '2 of 4' }).waitFor();
    await says(page, '#nomad', 'connected');
    await says(page, '#haproxy', 'connected');
    await says(page, '#versions', /connector \d+\.\d+\.\d+, Node v24.*, HAProxy \d+\.\d+.*, Data Plane API v\d/);
    await row.getByRole('button').click();
    const slot = page.getByRole('table', { name: 'Slots of default/page-shop' }).getByRole('row').nth(1);
    const { AllocID, NodeID, Address, Port } = shop.registration;
    for (const cell of ['nomad01', 'serving', `${Address}:${Port}`, '100']) {
      expect(await slot.getByText(cell, { exact: true }).count(), cell).to.equal(1);
    }
    expect(await slot.locator(`[title="${AllocID}"]`).innerText()).to.equal(AllocID.slice(0, 8));
    expect(await slot.locator(`[title="${NodeID}"]`).innerText()).to.equal(NodeID.slice(0, 8));
    await slot.getByText('up', { exact: true }).waitFor(); // as HAProxy's checks say, when it was compared

    const routes = page.locator('#route-rows tr', { hasText: 'page-shop.example.com' });
    expect(await routes.count()).to.equal(2);
    await routes.filter({ hasText: 'lost to default/page-shop' }).filter({ hasText: 'default/page-rival' }).waitFor();
    await page.locator('#problems li', { hasText: '"heavy" is not a whole number' }).waitFor();
    await page.locator('#reload-rows tr', { hasText: 'new service' }).first().waitFor();
    expect(await page.title()).to.match(/^\(\d+\) haproxy-nomad-connector$/);
  });

  it('follows by itself what happens, and says how long it took', async () => {
    const { start } = world();
    const connector = launch();
    await connector.logged('tried every service of the first snapshot');
    const page = await open(await portOf(connector));
    await page.evaluate('window.isTheSame = true');
    const first = await start('page-live', domain('page-live'));
    const row = rowOf(page, 'default/page-live');
    await row.filter({ hasText: '1 of 4' }).waitFor();
    await says(page, '#latency-summary', /^The last 1 instance: half within \d/);
    const second = await start('page-live', domain('page-live'));
    await row.filter({ hasText: '2 of 4' }).waitFor();
    await says(page, '#latency-summary', /^The last 2 instances/);
    await row.getByRole('button').click();
    const lastEvents = page.getByText(/^Last events: /);
    await lastEvents.filter({ hasText: ' admitted ' }).waitFor();
    second.deregister();
    await row.filter({ hasText: '1 draining' }).waitFor();
    await lastEvents.filter({ hasText: ' deregistered ' }).waitFor();
    first.deregister();
    await row.waitFor({ state: 'detached' });
    await page.locator('#reload-rows', { hasText: 'removal' }).waitFor();
    expect(await page.evaluate('window.isTheSame')).to.equal(true);
  });

  it('makes nothing but text of names and tags that mean harm', async () => {
    const { start } = world();
    await start(hostile, [`haproxy.domain=${hostile}`, `haproxy.balance=${hostile}`]);
    const page = await open(await portOf(launch()));
    const button = page.getByRole('button', { name: `default/${hostile}`, exact: true });
    await button.click();
    await page.locator('#problems li', { hasText: hostile }).first().waitFor();
    expect(await page.locator('img, script:not([type=module]), iframe, object').count()).to.equal(0);
    expect(await page.locator('script').count()).to.equal(1);
  });

  it('is of use without a mouse', async () => {
    const { register, port } = await startMany(12);
    const page = await open(port);
    const focused = () => page.evaluate('document.activeElement.textContent || document.activeElement.id');
    await page.keyboard.press('Tab');
    expect(await focused()).to.equal('Skip to services');
    await page.keyboard.press('Enter');
    expect(page.url()).to.match(/#services$/);
    for (const next of ['serving 12', 'filter', 'default/svc-000', 'default/svc-001']) {
      await page.keyboard.press('Tab');
      expect(await focused()).to.equal(next);
    }
    const button = page.getByRole('button', { name: 'default/svc-001' });
    await page.keyboard.press('Enter');
    expect(await button.getAttribute('aria-expanded')).to.equal('true');
    register(0, 9000);
    register(1, 9001);
    await rowOf(page, 'default/svc-001').filter({ hasText: '2 of 4' }).waitFor();
    expect(await focused()).to.equal('default/svc-001');
    await page.getByRole('table', { name: 'Slots of default/svc-001' }).getByText('10.0.0.1:9001').waitFor();
    await page.keyboard.press('Space');
    expect(await button.getAttribute('aria-expanded')).to.equal('false');

    await page.keyboard.press('/');
    await page.keyboard.type('svc-01');
    await says(page, '#services-count', '2 of 12');
    expect(await page.locator('#service-rows tr').count()).to.equal(2);
    await page.keyboard.press('Escape');
    await says(page, '#services-count', /^12$/);
    expect(await focused()).to.equal('filter');
  });

  it('touches one row of 500 when one service changes', async () => {
    const { register, port } = await startMany(500);
    const page = await open(port);
    await says(page, '#services-count', /^500$/);
    await page.evaluate(`
      window.touched = new Set();
      new MutationObserver((all) => all.forEach(({ target }) => {
        const row = target.parentElement.closest('tr') ?? target;
        window.touched.add(row.textContent.slice(0, 15));
      })).observe(document.getElementById('service-rows'), { subtree: true, childList: true, characterData: true });`);
    register(250, 9000);
    await rowOf(page, 'default/svc-250').filter({ hasText: '2 of 4' }).waitFor();
    expect(await page.evaluate('[...window.touched]')).to.deep.equal(['default/svc-250']);
    await page.locator('#filter').fill('svc-49');
    await says(page, '#services-count', '11 of 500'); // and svc-049, by its domain
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`can be read in ${colorScheme}`, async () => {
      const { port } = await startMany(3);
      const page = await open(port, { colorScheme });
      const colours = await page.evaluate<{ page: string; card: string; texts: string[] }>(`(() => {
        const of = (selector, name) => getComputedStyle(document.querySelector(selector))[name];
        return { page: of('body', 'backgroundColor'), card: of('.card', 'backgroundColor'),
          texts: [of('body', 'color'), of('.soft', 'color'), of('.is.good', 'color')] };
      })()`);
      const isDark = luminance(colours.page) < 0.1;
      expect(isDark).to.equal(colorScheme === 'dark');
      for (const text of colours.texts) {
        expect(contrast(text, colours.page), text).to.be.at.least(4.5);
        expect(contrast(text, colours.card), text).to.be.at.least(4.5);
      }
    });
  }

  it('fits a phone', async () => {
    const { port } = await startMany(20);
    const page = await open(port, { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
    await page.getByRole('button', { name: 'default/svc-003' }).tap();
    await page.getByRole('table', { name: 'Slots of default/svc-003' }).waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).to.be.at.most(360);
  });

  it('moves nothing for whoever wants no motion', async () => {
    const { register, port } = await startMany(3);
    const page = await open(port, { reducedMotion: 'reduce' });
    register(1, 9000);
    await page.locator('#service-rows tr.new', { hasText: '2 of 4' }).waitFor();
    expect(await page.evaluate('document.getAnimations().length')).to.equal(0);
  });

  it('comes back by itself when the connector does, and shows what has changed meanwhile', async () => {
    const { start } = world();
    const leaves = await start('page-leaves', domain('page-leaves'));
    const connector = launch();
    await connector.logged('tried every service of the first snapshot');
    const port = await portOf(connector);
    const page = await open(port);
    await page.evaluate('window.isTheSame = true');
    await rowOf(page, 'default/page-leaves').waitFor();
    await connector.stop();
    await says(page, '#live', 'not connected, trying again');
    leaves.deregister();
    await start('page-comes', domain('page-comes'));
    const next = launch({ HEALTH_PORT: String(port) });
    await next.logged('tried every service of the first snapshot');
    await live(page);
    await rowOf(page, 'default/page-comes').filter({ hasText: 'serving' }).waitFor();
    await rowOf(page, 'default/page-leaves').waitFor({ state: 'detached' });
    expect(await page.evaluate('window.isTheSame')).to.equal(true);
    await eventually(async () => {
      expect(await page.locator('body.stale').count()).to.equal(0);
    });
  });
});

/** Relative luminance and contrast, by WCAG 2.2. */
function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = (colour.match(/\d+(\.\d+)?/g) ?? []).map((part) => {
    const share = Number(part) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}
