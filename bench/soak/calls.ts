import type { ApiProxy } from '../../spec-integration/support/api-proxy.ts';

/** A call that the API was asked and that is no reading. */
export interface PassedCall {
  /** Ms since 1970, as in the log. */
  readonly time: number;
  readonly call: string;
  /** Absent when the API ended in the middle. */
  readonly status: number | undefined;
  /** The connector was told. */
  readonly told: boolean;
  /** Id of the transaction that it opened. */
  readonly opened?: string;
}

/** Notes from now on what is written through the API. */
export function noteWrites(proxy: ApiProxy): readonly PassedCall[] {
  const calls: PassedCall[] = [];
  proxy.after(({ call, answer, told }) => {
    if (call.startsWith('GET ')) return;
    const status = answer?.status;
    const opened = answer?.status === 201 && /\/transactions\?/.test(call) ? idOf(answer.body) : undefined;
    calls.push({ time: Date.now(), call, status, told, ...(opened !== undefined && { opened }) });
  });
  return calls;
}

function idOf(body: string): string {
  return (JSON.parse(body) as { readonly id: string }).id;
}
