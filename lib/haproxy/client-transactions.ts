import { map } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Send } from './client-http.ts';
import { transactionShape, transactionsShape, parseAnswer } from './client-shapes.ts';

/** Configuration is never written through a transaction here: one raw write costs less. */
export interface TransactionCalls {
  /** Ids of the open transactions; of ours none should be left. */
  readonly listTransactions: () => Observable<readonly string[]>;
  readonly startTransaction: (version: number) => Observable<string>;
  /** The text as it would be written, which begins with the version that the transaction was opened at. */
  readonly readTransaction: (id: string) => Observable<string>;
  readonly deleteTransaction: (id: string) => Observable<void>;
}

const transactions = '/services/haproxy/transactions';

export function createTransactionCalls(send: Send): TransactionCalls {
  return {
    listTransactions: () =>
      send({ method: 'GET', path: transactions, query: { status: 'in_progress' } }).pipe(
        map((answer) => parseAnswer(answer, transactionsShape).map(({ id }) => id)),
      ),
    startTransaction: (version) =>
      send({ method: 'POST', path: transactions, query: { version } }).pipe(
        map((answer) => parseAnswer(answer, transactionShape).id),
      ),
    readTransaction: (id) =>
      send({ method: 'GET', path: '/services/haproxy/configuration/raw', query: { transaction_id: id } }).pipe(
        map(({ text }) => text),
      ),
    deleteTransaction: (id) =>
      send({ method: 'DELETE', path: `${transactions}/${encodeURIComponent(id)}` }).pipe(map(() => undefined)),
  };
}
