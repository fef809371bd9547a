/** What may be done to a resource, in the words of Kafka's ACLs. */
export type AclOperation =
  | 'Read'
  | 'Write'
  | 'Create'
  | 'Delete'
  | 'Alter'
  | 'Describe'
  | 'ClusterAction'
  | 'DescribeConfigs'
  | 'AlterConfigs'
  | 'IdempotentWrite'

export type AclResourceType = 'Topic' | 'Group' | 'Cluster' | 'TransactionalId'

/** Decides what a principal may do. */
export interface Authorizer {
  allows(request: {
    readonly principal: string
    readonly operation: AclOperation
    readonly resourceType: AclResourceType
    readonly name: string
  }): boolean
}
