/**
 * A token bucket for reloads: a few at once, then spaced, so that a burst is fast and a storm is not.
 * One more token every `intervalMs`, `burst` at most.
 */
export interface ReloadBudget {
  readonly burst: number;
  readonly intervalMs: number;
  tokens: number;
  /** Until when (ms) tokens have been counted. */
  countedTo: number;
}

export function createBudget(burst: number, intervalMs: number, now: number): ReloadBudget {
  return { burst, intervalMs, tokens: burst, countedTo: now };
}

/** Ms until a reload may happen; 0: now. */
export function reloadWaitMs(budget: ReloadBudget, now: number): number {
  refill(budget, now);
  return budget.tokens > 0 ? 0 : Math.max(1, budget.countedTo + budget.intervalMs - now);
}

export function spendReload(budget: ReloadBudget, now: number): void {
  refill(budget, now);
  budget.tokens -= 1;
}

function refill(budget: ReloadBudget, now: number): void {
  const earned = Math.floor((now - budget.countedTo) / budget.intervalMs);
  if (earned <= 0) return;
  budget.tokens = Math.min(budget.burst, budget.tokens + earned);
  budget.countedTo = budget.tokens === budget.burst ? now : budget.countedTo + earned * budget.intervalMs;
}
