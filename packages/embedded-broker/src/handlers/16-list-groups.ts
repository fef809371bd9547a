/**
 * Behaviour: the groups that the asked broker coordinates, classic ones and share groups, as far as the principal may know of
 * them. Filters do not mind case; a state or type that does not exist matches nothing.
 *
 * Versions: 4 tells states and filters by them, 5 types.
 */
import { ListGroups } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'

export const listGroups = defineHandler(ListGroups, (request, context) => {
  const { classicGroups, shareGroups } = context.cluster
  const seesAll = context.allows('Describe', 'Cluster', 'kafka-cluster')
  const states = new Set(request.statesFilter.map((state) => state.toLowerCase()))
  const types = new Set(request.typesFilter.map((type) => type.toLowerCase()))
  const classic = classicGroups.list().map((group) => ({ ...group, groupType: 'classic' }))
  const share = shareGroups.list().map((group) => ({ ...group, protocolType: 'share', groupType: 'share' }))
  const groups = [...classic, ...share]
    .filter(({ groupId }) => context.cluster.coordinatorError(groupId, context.node) === 0)
    .filter(({ state }) => states.size === 0 || states.has(state.toLowerCase()))
    .filter(({ groupType }) => types.size === 0 || types.has(groupType))
    .filter(({ groupId }) => seesAll || context.allows('Describe', 'Group', groupId))
    .map(({ groupId, protocolType, state, groupType }) => ({ groupId, protocolType, groupState: state, groupType }))
  return { errorCode: 0, groups }
})
