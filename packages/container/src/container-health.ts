import { KafkaError } from '@milena/protocol'
import type { ContainerState } from './container-state.js'
import type { MemberVitals } from './member-vitals.js'

/**
 * How something is.
 *
 * - `up`: everything works.
 * - `degraded`: a part works, or nothing at the moment, and it heals by itself if it can.
 * - `down`: nothing is consumed.
 */
export type HealthStatus = 'up' | 'degraded' | 'down'

/** How one member is. */
export interface MemberHealth {
  readonly clientId: string
  /**
   * - `up`: it takes records.
   * - `replacing`: it died, and another one takes its place.
   * - `down`: it is not there, and none is to come: not yet started, stopped, or dead with restartPolicy `never`.
   */
  readonly status: 'up' | 'replacing' | 'down'
  /** What it failed on, or died of; absent again when it got records, or had none and no failure for 30 s. */
  readonly lastError?: string
  /** Records that are delivered and not answered. */
  readonly inFlight: number
  /** MANUAL: records that a listener has and has not answered, also those whose listener has returned. */
  readonly openAcknowledgments: number
  /** Since it was given records last; absent when it never was. */
  readonly secondsSinceLastRecord?: number
}

/** How a container is: plain data, fit for a readiness check or a status page. */
export interface ContainerHealth {
  readonly id: string
  /** `up`: running or paused, all members are up and none is in trouble. `degraded`: some are not. `down`: in every other state. */
  readonly status: HealthStatus
  readonly state: ContainerState
  readonly groupId: string | undefined
  readonly topics: readonly string[]
  readonly members: readonly MemberHealth[]
  /** Why a container has failed, or is about to. */
  readonly cause?: string
}

/** How the containers of a registry are. */
export interface RegistryHealth {
  /** The worst of its containers, not counting those that have autoStartup false and are stopped; `up` without any. */
  readonly status: HealthStatus
  readonly containers: readonly ContainerHealth[]
}

/** What a container's health is made from. */
export interface ContainerFacts {
  readonly id: string
  readonly state: ContainerState
  readonly groupId: string | undefined
  readonly topics: readonly string[]
  readonly members: readonly MemberHealth[]
  readonly failure: { readonly cause: unknown } | undefined
}

export function containerHealthOf({ failure, ...facts }: ContainerFacts): ContainerHealth {
  return { ...facts, status: statusOf(facts), ...(failure === undefined ? {} : { cause: told(failure.cause) }) }
}

function statusOf({ state, members }: Omit<ContainerFacts, 'failure'>): HealthStatus {
  if (state !== 'running' && state !== 'paused') return 'down'
  return members.every(({ status, lastError }) => status === 'up' && lastError === undefined) ? 'up' : 'degraded'
}

/** The worst of several; `up` without any. */
export function worstOf(all: readonly HealthStatus[]): HealthStatus {
  if (all.includes('down')) return 'down'
  return all.includes('degraded') ? 'degraded' : 'up'
}

export function memberHealthOf(
  vitals: MemberVitals,
  now: number,
  {
    isMember,
    ...facts
  }: Pick<MemberHealth, 'clientId' | 'inFlight' | 'openAcknowledgments'> & {
    /** Of its group. */
    readonly isMember: boolean
  },
): MemberHealth {
  const { status, lastRecordAt } = vitals
  const error = vitals.trouble?.error ?? (status === 'up' && !isMember ? OUT_OF_GROUP : undefined)
  return {
    ...facts,
    status,
    ...(error === undefined ? {} : { lastError: told(error) }),
    ...(lastRecordAt === undefined ? {} : { secondsSinceLastRecord: Math.round(now - lastRecordAt) / 1000 }),
  }
}

const OUT_OF_GROUP = 'The member has lost its place in the group, and joins again.'

function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return KafkaError.is(error) ? `${error.code}: ${error.message}` : `${error.name}: ${error.message}`
}
