import { X509Certificate } from 'node:crypto'

/** Attributes that Java's X500Principal, and so Kafka, writes by name. Of the others only the e-mail address is at all usual. */
const EMAIL = 'emailAddress='
const EMAIL_OID = '1.2.840.113549.1.9.1'
const IA5_STRING = 0x16

/**
 * The principal that Kafka makes of a client certificate by default: its subject as in RFC 2253, the last part of the name
 * first, e.g. `User:CN=alice,O=Milena,C=DE`.
 *
 * @param der the certificate
 */
export function certificatePrincipal(der: Buffer): string {
  // One part a line, in the certificate's order, already escaped as RFC 2253 wants it.
  const parts = new X509Certificate(der).subject
    .split('\n')
    .filter((part) => part !== '')
    // Several values in one part; a plus sign of a value is escaped.
    .map((part) => part.replaceAll(' + ', '+'))
  return `User:${parts.reverse().map(asJavaWrites).join(',')}`
}

/** Java writes what RFC 2253 has no name for as a number and the DER bytes in hexadecimal. */
function asJavaWrites(part: string): string {
  if (!part.startsWith(EMAIL)) return part
  const address = Buffer.from(part.slice(EMAIL.length), 'latin1')
  if (address.length > 127) return part
  return `${EMAIL_OID}=#${Buffer.concat([Buffer.from([IA5_STRING, address.length]), address]).toString('hex')}`
}
