import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Functions that a process of its own serves, so that what it does takes no time from whoever measures. */
export type Calls = Readonly<Record<string, (...args: never[]) => unknown>>;

export type Remote<C extends Calls> = {
  readonly [K in keyof C]: (...args: Parameters<C[K]>) => Promise<Awaited<ReturnType<C[K]>>>;
};

export interface Worker<C extends Calls> {
  readonly call: Remote<C>;
  readonly stop: () => Promise<void>;
}

interface Question {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}
interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** Starts a script that ends in `serveCalls`. */
export function startWorker<C extends Calls>(script: URL): Worker<C> {
  const child = fork(fileURLToPath(script));
  const open = new Map<number, (answer: Answer) => void>();
  let asked = 0;
  child.on('message', (answer: Answer) => {
    open.get(answer.id)?.(answer);
    open.delete(answer.id);
  });
  child.on('exit', () => {
    for (const [id, conclude] of open) conclude({ id, error: `${script.pathname} has ended` });
  });

  function ask(name: string, args: readonly unknown[]): Promise<unknown> {
    asked += 1;
    const question: Question = { id: asked, name, args };
    return new Promise((resolve, reject) => {
      open.set(question.id, ({ value, error }) => {
        if (error === undefined) resolve(value);
        else reject(new Error(error));
      });
      child.send(question);
    });
  }

  return {
    call: new Proxy({} as Remote<C>, {
      get: (_, name) => (typeof name === 'string' ? (...args: unknown[]) => ask(name, args) : undefined),
    }),
    stop: async () => {
      if (child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.kill();
      await exited;
    },
  };
}

/** In the script: answers calls until the other side ends. */
export function serveCalls(calls: Calls): void {
  process.on('message', ({ id, name, args }: Question) => {
    const answer = (part: Omit<Answer, 'id'>) => process.send?.({ id, ...part });
    void Promise.resolve()
      .then(() => calls[name]?.(...(args as never[])))
      .then(
        (value) => answer({ value }),
        (error: unknown) => answer({ error: (error as Error).stack ?? String(error) }),
      );
  });
  process.on('disconnect', () => process.exit());
}
