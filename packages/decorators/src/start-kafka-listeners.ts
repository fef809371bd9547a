import { constants } from 'node:os'
import { KafkaUsageError } from '@milena/protocol'
import { systemClock } from '@milena/protocol/runtime'
import type { Container } from 'inversify'
import { Problems } from './errors.js'
import { InversifyInstances } from './instance-resolver-inversify.js'
import type { KafkaApplication } from './kafka-application.js'
import { APPLICATION, boundAs, KafkaTokens, RUNNING } from './kafka-module.js'
import { ListenerPreparation, type ApplicationTokens } from './listener-preparation.js'
import type { KafkaListeners, RunningListeners } from './running-listeners.js'
import { endOnSignals, SHUTDOWN_SIGNALS } from './shutdown-signals.js'

/** How an application is started. */
export interface StartKafkaOptions {
  /**
   * The signals that stop it gracefully; a second one ends the process at once, with 128 and the signal's number. After a graceful
   * stop the signal is raised again where nobody else listened to it, so that the process ends as one that was signalled. False: none.
   * Default SIGTERM and SIGINT.
   */
  readonly signals?: boolean | readonly NodeJS.Signals[]
}

const started = new WeakSet<KafkaApplication>()

/**
 * Reads the listener classes and what is bound under KafkaTokens, makes their containers and starts those with autoStartup, phase
 * by phase. Resolves when all of them have joined their groups. A container that cannot start ends the others and rejects with its cause.
 *
 * @throws KafkaUsageError that lists every mistake, by class and method or by what is bound, before anything connects
 */
export async function startKafkaListeners(di: Container, options: StartKafkaOptions = {}): Promise<KafkaListeners> {
  const signals = signalsIn(options)
  const { application, running } = applicationOf(di)
  if (started.has(application)) {
    throw new KafkaUsageError(
      'startKafkaListeners was called before for this DI container. Keep what it returned. To start again after stop(), or after a start that failed, load kafkaModule into a new DI container.',
    )
  }
  started.add(application)
  application.startWith(
    new InversifyInstances({
      bind: (service) => di.bind(service),
      isBound: (service) => di.isBound(service),
      context: di,
    }),
  )
  const watch = endOnSignals({
    signals,
    logger: () => application.logger,
    clock: systemClock,
    stop: () => running.stop(),
  })
  running.whenEnded(() => watch.unwatch())
  try {
    const problems = new Problems()
    await new ListenerPreparation(application, tokensOf(di), problems).prepare()
    problems.throwIfAny()
    warnOfNothing(application)
    await running.start()
  } catch (error) {
    await closeAfter(running, application)
    // Where a signal has ended the start, the process ends by that signal and not by this error.
    await watch.whenHandled()
    throw error
  }
  return running
}

/** No error: containers may be registered later. But it looks like success, and the process may end at once. */
function warnOfNothing({ registry, logger }: KafkaApplication): void {
  if (registry.allContainers.length > 0) return
  logger.warn(
    {},
    'No listener is registered, so no record will be received. List the decorated classes: kafkaModule({ client: … , listeners: [OrderListener] }), ' +
      'or bind them under KafkaTokens.ListenerClass.',
  )
}

async function closeAfter(running: RunningListeners, application: KafkaApplication): Promise<void> {
  try {
    await running.stop()
    // A stop that came early has not seen what was made since.
    await application.closeClients()
  } catch (error) {
    application.logger.warn({ err: error }, 'Closing after a failed start failed too.')
  }
}

function tokensOf(di: Container): ApplicationTokens {
  return {
    logger: KafkaTokens.Logger,
    propertySource: KafkaTokens.PropertySource,
    eventPublisher: KafkaTokens.EventPublisher,
    listenerClass: KafkaTokens.ListenerClass,
    endpoint: KafkaTokens.Endpoint,
    listenerContainer: KafkaTokens.ListenerContainer,
    containerFactory: (name) => boundAs(KafkaTokens.containerFactory, name, (service) => di.isBound(service)),
  }
}

function applicationOf(di: Container): { readonly application: KafkaApplication; readonly running: RunningListeners } {
  const applications = typeof di?.isBound === 'function' && di.isBound(APPLICATION) ? di.getAll(APPLICATION) : []
  const [application] = applications
  if (application === undefined) {
    throw new KafkaUsageError(
      'startKafkaListeners found no kafkaModule in this DI container. Load one first: di.load(kafkaModule({ client: … , listeners: [ … ] })).',
    )
  }
  if (applications.length > 1) {
    throw new KafkaUsageError(
      'This DI container has kafkaModule loaded more than once. Load it once, with all listeners; a second cluster is a container factory with client options of its own.',
    )
  }
  return { application, running: di.get(RUNNING) }
}

function signalsIn(options: StartKafkaOptions): readonly NodeJS.Signals[] {
  const { signals = true } = options
  if (typeof signals === 'boolean') return signals ? SHUTDOWN_SIGNALS : []
  const unknown = Array.isArray(signals)
    ? signals.filter((signal) => !Object.hasOwn(constants.signals, signal))
    : [signals]
  if (unknown.length === 0 && !signals.includes('SIGKILL') && !signals.includes('SIGSTOP')) return signals
  throw new KafkaUsageError(
    "signals must be true, false, or a list of signals that can be handled, for example ['SIGTERM', 'SIGINT']. (SIGKILL and SIGSTOP cannot.)",
  )
}
