// Made for tests only: an authority, a certificate of it for localhost and 127.0.0.1, and one for the client
// `CN=alice,O=Milena,C=DE`. Valid for a hundred years; worth nothing.

function pem(kind: string, ...lines: string[]): string {
  return `-----BEGIN ${kind}-----\n${lines.join('\n')}\n-----END ${kind}-----\n`
}

export const authority = pem(
  'CERTIFICATE',
  'MIIBlzCCAT2gAwIBAgIUESCzS8waZuvR3OTPer3Tl7PIYKwwCgYIKoZIzj0EAwIw',
  'IDEeMBwGA1UEAwwVTWlsZW5hIHRlc3QgYXV0aG9yaXR5MCAXDTI2MTEyMjA0NDQw',
  'NFoYDzIxMjYxMDI5MDQ0NDA0WjAgMR4wHAYDVQQDDBVNaWxlbmEgdGVzdCBhdXRo',
  'b3JpdHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATl3ITsoMZy0NFcaQJKmXFq',
  'nr/7emvtX/NNoWA4gDTX9aT1hyT2guPUhDFuahyyzfJtc3OxWQBEG0EJD9WJzoeT',
  'o1MwUTAdBgNVHQ4EFgQUK8jTiQAgvKdGHLBT0kwQHlVwjsQwHwYDVR0jBBgwFoAU',
  'K8jTiQAgvKdGHLBT0kwQHlVwjsQwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQD',
  'AgNIADBFAiEAkV5Zmcd3S0uujCWJENjnCxTe5MrTlnwlMOCpBt0M0xACIG6HFCwe',
  'B3qhael7jFl9pvQlvOu2Hx20+sU2/ea4/5xa',
)

export const serverCertificate = pem(
  'CERTIFICATE',
  'MIIBljCCATygAwIBAgIUZkDXqyY1c4oMBCo1+XGP9cY8K0QwCgYIKoZIzj0EAwIw',
  'IDEeMBwGA1UEAwwVTWlsZW5hIHRlc3QgYXV0aG9yaXR5MCAXDTI2MTEyMjA0NDQw',
  'NFoYDzIxMjYxMDI5MDQ0NDA0WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcq',
  'hkjOPQIBBggqhkjOPQMBBwNCAAQ1/xzqHYvdfDuWckVouykJQwbPQUPrzWk50+Rr',
  '+Dx4+4TG0raaUEKcDmZudeL41sHSIg1E3TbffeEpUhdHld9Po14wXDAaBgNVHREE',
  'EzARgglsb2NhbGhvc3SHBH8AAAEwHQYDVR0OBBYEFFyia6tgwGTjZ/mfdhnqmZIf',
  'fq8EMB8GA1UdIwQYMBaAFCvI04kAILynRhywU9JMEB5VcI7EMAoGCCqGSM49BAMC',
  'A0gAMEUCIHIXmUnGthjpSELtKWyk+5yoV5uZrBAQYIbCHQeHuuFJAiEApThiJk7a',
  '5e8IBnDpYn8U5AQKGb+w9w4CADj4rhRRCKY=',
)

export const serverKey = pem(
  'PRIVATE KEY',
  'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgbpxwsSe9qGX8hyx0',
  '5Oi+orrAsGnOdEyxIQJ9EAnxm9ahRANCAAQ1/xzqHYvdfDuWckVouykJQwbPQUPr',
  'zWk50+Rr+Dx4+4TG0raaUEKcDmZudeL41sHSIg1E3TbffeEpUhdHld9P',
)

export const clientCertificate = pem(
  'CERTIFICATE',
  'MIIBSjCB8QIUZkDXqyY1c4oMBCo1+XGP9cY8K0UwCgYIKoZIzj0EAwIwIDEeMBwG',
  'A1UEAwwVTWlsZW5hIHRlc3QgYXV0aG9yaXR5MCAXDTI2MTEyMjA0NDQwNFoYDzIx',
  'MjYxMDI5MDQ0NDA0WjAuMQswCQYDVQQGEwJERTEPMA0GA1UECgwGTWlsZW5hMQ4w',
  'DAYDVQQDDAVhbGljZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAY2rB11ObwS',
  'NoeASgoyFnJf64M/oPsbt6UCyNtnQ9tzkooiB1d8Kbvs+ocXYMdhBcWF+6lB1bFT',
  'JBoWRx77FBMwCgYIKoZIzj0EAwIDSAAwRQIhAMmuZdlJuFoNQpj2SiJ4fEh3aD4G',
  '7CdgfcF7gHCS6ZSvAiB8Ca2bFbT0p6lOqizLe3cJTvnNlgHqS3OZB+KNXdsjpw==',
)

export const clientKey = pem(
  'PRIVATE KEY',
  'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcwjyrKhifVCjZRfU',
  'QGs72gmSMcZ6DG48nuzgi1KUDRmhRANCAAQGNqwddTm8EjaHgEoKMhZyX+uDP6D7',
  'G7elAsjbZ0Pbc5KKIgdXfCm77PqHF2DHYQXFhfupQdWxUyQaFkce+xQT',
)
