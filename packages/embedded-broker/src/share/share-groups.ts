// SKELETON by the lead: the owner (share-group coordinator) replaces the bodies and keeps (or extends) the names.

/** A share group as an assertion wants to see it. */
export interface ShareGroupView {
  readonly groupId: string
  readonly state: 'Empty' | 'Stable' | 'Dead'
  readonly epoch: number
  readonly assignmentEpoch: number
  readonly members: readonly {
    readonly memberId: string
    readonly clientId: string
    readonly epoch: number
    readonly rackId: string | null
    readonly subscribedTopics: readonly string[]
    /** E.g. `orders-0`. */
    readonly assignment: readonly string[]
  }[]
}

/** The coordinator of all share groups: membership, assignment, offsets. */
export class ShareGroups {
  has(_groupId: string): boolean {
    throw new Error('skeleton')
  }
  inspect(): readonly ShareGroupView[] {
    throw new Error('skeleton')
  }
}
