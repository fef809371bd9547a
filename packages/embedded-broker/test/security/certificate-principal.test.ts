import { expect, it } from 'vitest'
import { certificatePrincipal } from '../../src/security/certificate-principal.js'

// Certificates made for this test, in DER. The expected names are what Java's X500Principal.getName() gives for them.
const der = (...lines: string[]): Buffer => Buffer.from(lines.join(''), 'base64')

it('the principal of a client certificate is its subject as Java writes it: last part first, escaped', () => {
  const certificate = der(
    'MIIBgDCCAScCFHInrL+yns3XgFuKngYMaiKOeFLxMAoGCCqGSM49BAMCMBIxEDAOBgNVBAMMB3Rlc3QgY2EwIBcNMjYxMTIyMDQz',
    'MTMzWhgPMjEyNjEwMjkwNDMxMzNaMHIxCzAJBgNVBAYTAkRFMRYwFAYDVQQKDA1NaWxlbmEsICJJbmMiMQowCAYDVQQLDAFhMQww',
    'CgYDVQQLDANiK2MxCzAJBgNVBAsMAsOkMQ4wDAYDVQQDDAVhbGljZTEUMBIGCSqGSIb3DQEJARYFYUBiLmMwWTATBgcqhkjOPQIB',
    'BggqhkjOPQMBBwNCAARBFRmK2sWC9Ke6jF4kwk5F3pYMQOhZDrH4mFHUd1JoN1+JBs+qRoEMQrl5E+WhqwEt6uRx8xjrRQMX3HyI',
    'kmgcMAoGCCqGSM49BAMCA0cAMEQCIE8L/3fvWj0xgHEyLW3rjiENrt0HDd/v5UZd+92XNtIeAiAw+jDDjEczxabUZLU7N75o7Mm4',
    'F2yFbzU4rfN0Tn1kpA==',
  )
  expect(certificatePrincipal(certificate)).toBe(
    'User:1.2.840.113549.1.9.1=#16056140622e63,CN=alice,OU=ä,OU=b\\+c,OU=a,O=Milena\\, \\"Inc\\",C=DE',
  )
})

it('several values in one part of the name stay together', () => {
  const certificate = der(
    'MIIBTjCB9QIUciesv7KezdeAW4qeBgxqIo54UvMwCgYIKoZIzj0EAwIwEjEQMA4GA1UEAwwHdGVzdCBjYTAgFw0yNjExMjIwNDM0',
    'MjNaGA8yMTI2MTAyOTA0MzQyM1owQDELMAkGA1UEBhMCREUxHjAKBgNVBAMMA2JvYjAQBgoJkiaJk/IsZAEBDAJiMTERMA8GCgmS',
    'JomT8ixkARkWAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAR6H4cB1FD64aqsEcAE67ab00c4EOjGGmxEU/2QrU9rBW7mxbfW',
    'z6bGk2pCcXAfGCCYmht/6VgFVWpHwNVNf5NxMAoGCCqGSM49BAMCA0gAMEUCIFyGL8uzfVWUdznu5plGq/h7mmj1n5S0b9N+IjhA',
    'ZkWQAiEAj4BPvpM7zJRHqCJdbC9plZZ0MKp6ScWd7kAvKqYZfQ0=',
  )
  expect(certificatePrincipal(certificate)).toBe('User:DC=x,CN=bob+UID=b1,C=DE')
})
