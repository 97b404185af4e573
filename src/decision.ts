/**
 * The one place where listed / not listed / unreadable, and how far the list can be trusted, become yes or no.
 * Pure: it knows no list, no clock and no store.
 */

import type { EvidenceSource } from './optouts/change.ts';

/** How far an answer can be trusted. */
export type State = 'starting' | 'restored' | 'fresh' | 'stale' | 'expired' | 'closed';

/** Whether a number may be sent to, and why. `to` is the number as digits; `ageMs` the age of the list, `null` where no provider's list is read. */
export type Decision =
  | {
      readonly allowed: true;
      readonly reason: 'not_listed' | 'stale' | 'policy' | 'confirmation';
      readonly to: string;
      readonly list: string | null;
      readonly state: State;
      readonly ageMs: number | null;
    }
  | {
      readonly allowed: false;
      readonly reason: 'opted_out';
      readonly to: string;
      readonly list: string;
      readonly source: EvidenceSource;
      /** When the person acted, ms UTC; `null` where only the provider's list says so. */
      readonly since: number | null;
      readonly state: State;
      readonly ageMs: number | null;
    }
  | {
      readonly allowed: false;
      readonly reason: 'not_ready' | 'stale' | 'expired' | 'closed' | 'invalid_number';
      readonly to: string | null;
      readonly list: null;
      readonly state: State;
      readonly ageMs: number | null;
    };

/** Why a send is refused. */
export type BlockReason = Extract<Decision, { allowed: false }>['reason'];
