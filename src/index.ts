/** The public names of `sms-send-guard`. Everything else is internal. */

// The guard
export { createGuard } from './guard.ts';
export type { Guard, RefreshResult } from './contract.ts';
export type { HistoryEntry, OptOutEntry } from './records.ts';
export type { ListOptions, ListsOptions } from './list-options.ts';
export type { GuardOptions, Logger, PolicyOptions, RefreshOptions } from './options.ts';
export type { Clock } from './clock.ts';
export type { Duration, Size } from './option-fields.ts';

// Decisions
export type { CheckOptions, Decision, Policy, State } from './decision.ts';
export type { FilterOptions, FilterResult } from './gates/batch.ts';
export type { CsvStreamOptions, FilterStream, RowStreamOptions } from './gates/batch-stream.ts';
export type { FilterReport } from './gates/batch-sieve.ts';
export type { SendOptions } from './gates/sending.ts';

// What happens
export type { BlockedEvent, ChangeEvent, GuardEvents, UnclearEvent, WarnEvent } from './events.ts';
export type { GuardStatus, ListStatus } from './status.ts';
export type { ImportOptions, ImportResult, ImportRow, Resubscription } from './manual.ts';
export type { Direction, Evidence, EvidenceKind, EvidenceSource, OptOutChange } from './optouts/change.ts';

// The provider
export { vonage, type VonageOptions } from './provider/vonage.ts';
export type { PageRequest, Provider, ProviderPage, ProviderRow } from './provider/provider.ts';
export type { Anomaly, AnomalyCode, SweepOutcome } from './provider/flight.ts';

// Webhooks and the middleware
export type { WebhooksOptions } from './webhooks/options.ts';
export type { WebhookHandler } from './webhooks/handler.ts';
export type { GateRequest, GateResponse, MiddlewareOptions } from './gates/express.ts';
export type { GateDecisions } from './gates/judging.ts';
export type { Problem, ProblemCode } from './gates/refusal.ts';

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
  SendBlockedError,
  StoreError,
  WebhookError,
  findSendBlocked,
  isSendBlocked,
  type BlockedDecision,
  type ErrorCode,
  type SendBlockedWrapper,
  type StoreErrorCode,
} from './errors.ts';
