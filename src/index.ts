/** The public names of `sms-send-guard`. Everything else is internal. */

// The guard
export { createGuard } from './guard.ts';
export type { Guard, RefreshResult } from './guard-api.ts';
export type { HistoryEntry, OptOutEntry } from './changes/audit-trail.ts';
export type { ListOptions, ListsOptions } from './options/list-options.ts';
export type { GuardOptions, Logger, PolicyOptions, RefreshOptions } from './options/guard-options.ts';
export type { Clock } from './clock.ts';
export type { Duration, Size } from './options/fields.ts';

// Decisions
export type { CheckOptions, Decision, Policy, State } from './decision.ts';
export type { FilterOptions, FilterResult } from './gates/batch/filter.ts';
export type { CsvStreamOptions, FilterStream, RowStreamOptions } from './gates/batch/stream.ts';
export type { FilterReport } from './gates/batch/row-filter.ts';
export type { SendOptions } from './gates/send.ts';

// Events, status and changes
export type { BlockedEvent, ChangeEvent, GuardEvents, UnclearEvent, WarnEvent } from './events.ts';
export type { GuardStatus, ListStatus } from './lists/status.ts';
export type { ImportOptions, ImportResult, ImportRow, Resubscription } from './changes/operator-actions.ts';
export type { Direction, Evidence, EvidenceKind, EvidenceSource, OptOutChange } from './ledger/evidence.ts';

// The provider
export { vonage, type VonageOptions } from './providers/vonage/client.ts';
export type { PageRequest, Provider, ProviderPage, ProviderRow } from './providers/provider.ts';
export type { Anomaly, AnomalyCode, SweepOutcome } from './sync/sweep.ts';

// Webhooks and the middleware
export type { WebhooksOptions } from './webhooks/options.ts';
export type { WebhookHandler } from './webhooks/http-handler.ts';
export type { GateRequest, GateResponse, MiddlewareOptions } from './gates/express.ts';
export type { GateDecisions } from './gates/recipient-check.ts';
export type { Problem, ProblemCode } from './gates/problem.ts';

// Stores
export { memoryStore } from './stores/memory.ts';
export type {
  Cursor,
  Lease,
  ListedRow,
  ListingSpan,
  NumberSource,
  SavedSweep,
  Store,
  StoreContents,
  StoreNews,
  StoreOpening,
  StoreTrouble,
  SweepNews,
  TailHandlers,
} from './stores/store.ts';

// Errors
export {
  ConfigError,
  GuardError,
  ProviderError,
  StoreError,
  WebhookError,
  type ErrorCode,
  type StoreErrorCode,
} from './errors.ts';
export {
  SendBlockedError,
  findSendBlocked,
  isSendBlocked,
  type BlockedDecision,
  type SendBlockedWrapper,
} from './send-blocked.ts';
