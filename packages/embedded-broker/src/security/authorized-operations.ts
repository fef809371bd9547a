import type { AclOperation, AclResourceType } from './authorizer.js'

/** Kafka's numbers of the operations, as bits in answers that tell what one may do. */
const bits: Readonly<Record<AclOperation, number>> = {
  Read: 3,
  Write: 4,
  Create: 5,
  Delete: 6,
  Alter: 7,
  Describe: 8,
  ClusterAction: 9,
  DescribeConfigs: 10,
  AlterConfigs: 11,
  IdempotentWrite: 12,
}

/** The operations that make sense on a resource of each kind, as Kafka has them. */
const operationsOn: Readonly<Record<AclResourceType, readonly AclOperation[]>> = {
  Topic: ['Read', 'Write', 'Create', 'Describe', 'Delete', 'Alter', 'DescribeConfigs', 'AlterConfigs'],
  Group: ['Read', 'Describe', 'Delete', 'DescribeConfigs', 'AlterConfigs'],
  Cluster: ['Create', 'ClusterAction', 'DescribeConfigs', 'AlterConfigs', 'IdempotentWrite', 'Alter', 'Describe'],
  TransactionalId: ['Describe', 'Write'],
}

/** Whoever can say what the asking principal may do: a request's context. */
interface Asker {
  allows(operation: AclOperation, resourceType: AclResourceType, name: string): boolean
}

/** What may be done to a resource, as the bit field `authorizedOperations` of answers. */
export function authorizedOperations(
  resource: { readonly type: AclResourceType; readonly name: string },
  asker: Asker,
): number {
  return operationsOn[resource.type]
    .filter((operation) => asker.allows(operation, resource.type, resource.name))
    .reduce((field, operation) => field | (1 << bits[operation]), 0)
}

/** As authorizedOperations(), of a group of any kind. */
export function authorizedGroupOperations(groupId: string, asker: Asker): number {
  return authorizedOperations({ type: 'Group', name: groupId }, asker)
}
