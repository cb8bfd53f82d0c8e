import { expect } from 'chai';
import { VirtualTimeScheduler } from 'rxjs';
import { lookUpNames } from '../../streams/look-up.ts';

interface Asked {
  readonly name: string;
  readonly answer: (address: string) => Promise<void>;
  readonly fail: (error: Error) => Promise<void>;
}

describe('lookUpNames', () => {
  let scheduler: VirtualTimeScheduler;
  let asked: Asked[];
  let heard: string[];
  let lookUp: ReturnType<typeof lookUpNames>;

  beforeEach(() => {
    scheduler = new VirtualTimeScheduler();
    asked = [];
    heard = [];
    lookUp = lookUpNames(find, { maxConcurrent: 2, patienceMs: 1000, pauseMs: 30_000, scheduler });
  });

  function find(name: string): Promise<string> {
    return new Promise((resolve, reject) => {
      asked.push({
        name,
        answer: (address) => {
          resolve(address);
          return Promise.resolve();
        },
        fail: (error) => {
          reject(error);
          return Promise.resolve();
        },
      });
    });
  }

  const names = () => asked.map(({ name }) => name);

  function ask(name: string) {
    return lookUp(name).subscribe({
      next: (address) => heard.push(`${name} ${address}`),
      error: (error: unknown) => heard.push(`${name} ${(error as Error).message}`),
    });
  }

  function pass(ms: number): void {
    scheduler.frame += ms;
  }

  it('tells the address, or why there is none, and asks anew the next time', async () => {
    ask('a');
    await asked[0]!.answer('10.0.0.1');
    ask('a');
    await asked[1]!.fail(new Error('ENOTFOUND'));
    expect(heard).to.deep.equal(['a 10.0.0.1', 'a ENOTFOUND']);
    expect(names()).to.deep.equal(['a', 'a']);
  });

  it('asks once for all who wait for a name', async () => {
    ask('a').unsubscribe();
    ask('a');
    ask('a');
    expect(names()).to.deep.equal(['a']);
    await asked[0]!.answer('10.0.0.1');
    expect(heard).to.deep.equal(['a 10.0.0.1', 'a 10.0.0.1']);
  });

  it('asks for so many at a time, in the order in which they came, and for none that nobody waits for any more', async () => {
    for (const name of ['a', 'b']) ask(name);
    const left = ask('c');
    ask('d');
    left.unsubscribe();
    expect(names()).to.deep.equal(['a', 'b']);
    await asked[1]!.answer('10.0.0.2');
    expect(names()).to.deep.equal(['a', 'b', 'd']);
  });

  it('leaves a slow one alone for a while', async () => {
    ask('a').unsubscribe();
    pass(20_000);
    await asked[0]!.fail(new Error('EAI_AGAIN'));
    pass(29_999);
    ask('a');
    ask('b');
    expect(names()).to.deep.equal(['a', 'b']);
    expect(heard).to.deep.equal([]);
    pass(1);
    ask('a');
    expect(names()).to.deep.equal(['a', 'b', 'a']);
  });
});
