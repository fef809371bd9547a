// SKELETON by the lead: the owner of groups/ replaces the bodies and keeps (or extends) the names.

/** Consumer groups of the classic protocol, and the committed offsets of all groups that have them. */
export class ClassicGroups {
  has(_groupId: string): boolean {
    throw new Error('skeleton')
  }
}
