/**
 * How many groups of each kind the embedded broker keeps: far more than any test has, and few enough that clients which make up
 * a new id each time do not take all memory. Kafka has no such limit.
 */
export const MAX_GROUPS = 10_000
