import { ErrorCode, IncrementalAlterConfigs } from '@milena/protocol'
import type { ConfigChange, ConfigOperation } from '../configs/config-changes.js'
import { defineHandler } from '../server/handler.js'
import { changeResources } from './config-resources.js'

/** By Kafka's numbers. */
const operations: readonly ConfigOperation[] = ['set', 'delete', 'append', 'subtract']

/**
 * Behaviour: changes single settings of topics, brokers and groups; all changes of a resource or none. A group need not exist.
 * Taking back a setting that is unknown or not there is no error. A broker's settings are changed at that broker; those of
 * broker '' hold for all; only those that may change while a broker runs are taken. Versions: all alike.
 */
export const incrementalAlterConfigsHandler = defineHandler(IncrementalAlterConfigs, (request, context) => ({
  throttleTimeMs: 0,
  responses: changeResources(request.resources, context, (resource, { configs }) => {
    const changes: ConfigChange[] = []
    for (const { name, configOperation, value } of configs) {
      const operation = operations[configOperation]
      // Kafka has no words for it either.
      if (operation === undefined) return { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, errorMessage: '' }
      changes.push({ name, operation, value })
    }
    return context.cluster.configs.change(resource, changes, { validateOnly: request.validateOnly })
  }),
}))
