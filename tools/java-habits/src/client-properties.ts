/**
 * Properties of a Java client without those that the tool answers itself: it has its own deserialisers (also in Java they win over
 * the file's), and every connection is PLAINTEXT, so that asking for that is no fault.
 */
export function clientProperties(file: Readonly<Record<string, string>>): Record<string, string> {
  const properties = { ...file }
  delete properties['key.deserializer']
  delete properties['value.deserializer']
  if (properties['security.protocol']?.trim().toUpperCase() === 'PLAINTEXT') delete properties['security.protocol']
  return properties
}

/** The part of a consumer's properties that an admin client knows too: how to connect, and how long to try. */
export function connectionProperties(properties: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => CONNECTION.test(name)))
}

const CONNECTION =
  /^(bootstrap\.servers|client\.id|request\.timeout\.ms|default\.api\.timeout\.ms|retry\.backoff\..+|socket\..+|security\..+|ssl\..+|sasl\..+)$/
