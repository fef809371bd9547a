import type { ShareMessageListenerContainer, StopOptions } from './share-message-listener-container.js'

/** Containers of any key and value type side by side: what is done with several does not depend on the types. */
export type AnyContainer = ShareMessageListenerContainer<unknown, unknown>

/**
 * Starts low phases first, those of one phase at once; each phase waits for the one before. One that cannot start as it is fails
 * before any other joins. `goOn` is asked before every phase,
 * and throws where that is not wanted any more. On any failure what this started is stopped again, and the cause is thrown.
 */
export async function startByPhase(containers: readonly AnyContainer[], goOn: () => void): Promise<void> {
  const begun: AnyContainer[] = []
  try {
    // Their starts fail at once, each with its log line and event; the first cause is thrown.
    await Promise.all(containers.filter((container) => !isReady(container)).map((container) => container.start()))
    for (const phase of phasesOf(containers)) {
      goOn()
      begun.push(...phase.filter(({ isRunning }) => !isRunning))
      await Promise.all(phase.map((container) => container.start()))
    }
    goOn()
  } catch (cause) {
    await stopByPhase(begun, {})
    throw cause
  }
}

function isReady(container: AnyContainer): boolean {
  if (container.isRunning) return true
  try {
    container.checkReady()
    return true
  } catch {
    return false
  }
}

/** Stops high phases first, those of one phase at once; each phase waits for the one before. Never rejects. */
export async function stopByPhase(containers: readonly AnyContainer[], options: StopOptions): Promise<void> {
  for (const phase of phasesOf(containers).toReversed()) {
    await Promise.all(phase.map((container) => container.stop(options)))
  }
}

/** The containers by their phases, the lowest first. */
function phasesOf(containers: readonly AnyContainer[]): AnyContainer[][] {
  const byPhase = new Map<number, AnyContainer[]>()
  for (const container of containers) {
    const phase = byPhase.get(container.phase)
    if (phase === undefined) byPhase.set(container.phase, [container])
    else phase.push(container)
  }
  return [...byPhase].toSorted(([a], [b]) => a - b).map(([, phase]) => phase)
}
