import { KafkaUsageError } from '@milena/protocol'
import type { ContainerProperties, ResolvedContainerProperties } from './container-properties.js'
import { readContainerProperties } from './container-property-checks.js'
import { resolveGroupConfigs } from './group-configs.js'
import { REJECTING } from './recoverers.js'

// Given -> laid over each other -> resolved: listener over container properties of the factory over consumer factory.

export const DEFAULT_CONTAINER_ID = 'share-container'

/**
 * Lays properties over others: what `over` sets wins; consumer settings and group settings are merged by name. Both are left as
 * they are.
 * @throws KafkaUsageError for properties that are unknown or wrong
 */
export function layContainerProperties(
  base: ContainerProperties,
  over: ContainerProperties,
  where: string,
): ContainerProperties {
  const [below, above] = [readContainerProperties(base, where), readContainerProperties(over, where)]
  return {
    ...below,
    // A prefix that is said nearer to the listener is not beaten by an id said further away.
    ...(above.clientIdPrefix === undefined ? {} : { clientId: undefined }),
    ...above,
    properties: { ...below.properties, ...above.properties },
    groupConfigs: { ...below.groupConfigs, ...above.groupConfigs },
  }
}

/** Checks the given properties, fills in the defaults and brings them into the form that running code uses. */
export function resolveContainerProperties(given: ContainerProperties): ResolvedContainerProperties {
  if (typeof given !== 'object' || given === null) {
    throw new KafkaUsageError(
      "A container takes an object of properties, at least its topics: { topics: 'orders', groupId: 'order-workers' }.",
    )
  }
  const where = `Container '${given.id ?? DEFAULT_CONTAINER_ID}'`
  const read = readContainerProperties(given, where)
  const { id = DEFAULT_CONTAINER_ID, topics, clientId, clientIdPrefix } = read
  return Object.freeze({
    id,
    topics: Object.freeze(topics === undefined ? [] : [...new Set([topics].flat())]),
    groupId: read.groupId,
    clientIdBase: clientId ?? clientIdPrefix ?? id,
    concurrency: read.concurrency ?? 1,
    shareAckMode: read.shareAckMode ?? 'EXPLICIT',
    shareAcknowledgmentTimeoutMs: read.shareAcknowledgmentTimeoutMs ?? 30_000,
    processingDeadlineMs: read.processingDeadlineMs,
    syncShareCommits: read.syncShareCommits ?? true,
    acknowledgementCommitCallback: read.acknowledgementCommitCallback,
    maxInFlight: read.maxInFlight,
    maxLockExtensionMs: read.maxLockExtensionMs,
    pollTimeoutMs: read.pollTimeoutMs ?? 5000,
    consumerStartTimeoutMs: read.consumerStartTimeoutMs ?? 30_000,
    shutdownTimeoutMs: read.shutdownTimeoutMs ?? 10_000,
    restartPolicy: read.restartPolicy ?? 'replace',
    ...withRecoverer(read.shareConsumerRecordRecoverer),
    errorHandler: read.errorHandler,
    filter: read.filter,
    recordContext: read.recordContext ?? false,
    phase: read.phase ?? 0,
    containerGroup: read.containerGroup,
    groupConfigs: resolveGroupConfigs(read.groupConfigs ?? {}, where),
    info: read.info,
    properties: Object.freeze({ ...read.properties }),
  })
}

/**
 * Resolved properties with a few of them set anew.
 * @throws KafkaUsageError for what is wrong
 */
export function overrideProperties(
  resolved: ResolvedContainerProperties,
  over: Pick<ContainerProperties, 'concurrency' | 'shareConsumerRecordRecoverer'>,
): ResolvedContainerProperties {
  const read = readContainerProperties(over, `Container '${resolved.id}'`)
  const { concurrency = resolved.concurrency, shareConsumerRecordRecoverer: recoverer } = read
  return Object.freeze({ ...resolved, concurrency, ...(recoverer === undefined ? {} : withRecoverer(recoverer)) })
}

function withRecoverer(
  recoverer: ContainerProperties['shareConsumerRecordRecoverer'],
): Pick<ResolvedContainerProperties, 'recoverer' | 'recovererGiven'> {
  return { recoverer: recoverer ?? REJECTING, recovererGiven: recoverer !== undefined && recoverer !== REJECTING }
}
