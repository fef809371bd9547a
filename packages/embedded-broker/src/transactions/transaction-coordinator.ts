// SKELETON by the lead: the owner of log/ and transactions/ replaces the bodies and keeps (or extends) the names.

/** Producer ids and transactions: who may write under which epoch, and which partitions a transaction has touched. */
export class TransactionCoordinator {}
