/** What may be done to a resource, in the words of Kafka's ACLs. */
export const aclOperations = [
  'Read',
  'Write',
  'Create',
  'Delete',
  'Alter',
  'Describe',
  'ClusterAction',
  'DescribeConfigs',
  'AlterConfigs',
  'IdempotentWrite',
] as const
export type AclOperation = (typeof aclOperations)[number]

export const aclResourceTypes = ['Topic', 'Group', 'Cluster', 'TransactionalId'] as const
export type AclResourceType = (typeof aclResourceTypes)[number]

/** The name of the one resource of the type `Cluster`. */
export const CLUSTER_NAME = 'kafka-cluster'

/** Decides what a principal may do. */
export interface Authorizer {
  allows(request: {
    readonly principal: string
    readonly operation: AclOperation
    readonly resourceType: AclResourceType
    readonly name: string
  }): boolean
}
