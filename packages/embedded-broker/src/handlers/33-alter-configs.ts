import { AlterConfigs } from '@milena/protocol'
import { invalidRequest } from '../configs/config-values.js'
import { defineHandler } from '../server/handler.js'
import { changeResources } from './config-resources.js'

/**
 * Behaviour: replaces all settings that a topic, a broker or a group has of its own; what is not named goes back to its
 * default. Checks as IncrementalAlterConfigs. Versions: all alike.
 */
export const alterConfigsHandler = defineHandler(AlterConfigs, (request, context) => ({
  throttleTimeMs: 0,
  responses: changeResources(request.resources, context, (resource, { configs }) => {
    const values = new Map(configs.map(({ name, value }) => [name, value ?? '']))
    if (values.size < configs.length) return invalidRequest('Error due to duplicate config keys')
    const nulls = configs.filter(({ value }) => value === null).map(({ name }) => name)
    if (nulls.length > 0) return invalidRequest(`Null value not supported for : ${nulls.join(',')}`)
    return context.cluster.configs.change(resource, values, { validateOnly: request.validateOnly })
  }),
}))
