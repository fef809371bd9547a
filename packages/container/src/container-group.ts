import { startByPhase, stopByPhase, type AnyContainer } from './container-phases.js'
import type { StopOptions } from './share-message-listener-container.js'

/** Containers that share a name, to be started and stopped together. (Spring's ContainerGroup.) */
export class ContainerGroup {
  constructor(
    readonly name: string,
    /** In order of registration. */
    readonly containers: readonly AnyContainer[],
  ) {}

  /** True when all of them are running or paused. */
  get isRunning(): boolean {
    return this.containers.every(({ isRunning }) => isRunning)
  }

  /**
   * Starts them all, low phases first, also those with autoStartup false. When one fails, those that this started are stopped again, and
   * the first cause is what this rejects with.
   */
  start(): Promise<void> {
    return startByPhase(this.containers, () => undefined)
  }

  /** Stops them all, high phases first; the bound is that of one phase. Never rejects. */
  stop(options: StopOptions = {}): Promise<void> {
    return stopByPhase(this.containers, options)
  }
}
