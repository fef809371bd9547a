import type { Admin } from '@milena/client'

/** What a wall came to. */
export interface WallResult {
  /** In words, with figures. */
  readonly measured: string
  /** Which of what was asked does not hold; empty: all of it does. */
  readonly broken: readonly string[]
  readonly figures: Readonly<Record<string, number>>
}

/** What a wall's process may ask of the driver, which owns the cluster. */
export interface WallStage {
  /** Straight to the brokers. */
  readonly bootstrapServers: string
  /** The same brokers through proxies that count requests and can reset connections. */
  readonly proxiedBootstrapServers: string
  readonly admin: Admin
  /** Ends every proxied connection by a reset; resolves to how many there were. */
  reset(): Promise<number>
  /** Requests that clients have sent through the proxies so far, by broker. */
  requests(): Promise<readonly number[]>
  killAllBrokers(): Promise<void>
  /** Resolves when the cluster serves again. */
  startAllBrokers(): Promise<void>
  progress(line: string): void
}

/** Something that others run into, and that is asked to be absent here. */
export interface Wall {
  readonly name: string
  readonly title: string
  readonly asked: string
  readonly brokers: 1 | 3
  run(stage: WallStage): Promise<WallResult>
}

/** A name of a topic or group that nothing else on the cluster has. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${Date.now().toString(36)}-${(uniqueCount++).toString(36)}`
}
let uniqueCount = 0
