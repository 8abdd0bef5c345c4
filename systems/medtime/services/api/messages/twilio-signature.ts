import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * The signature Twilio sends with a request: base64 of HMAC-SHA1, under the auth token of the account, over the whole URL as it was
 * configured there, followed by name and value of every parameter of the body, sorted by name.
 * @param url with its query, exactly as configured
 */
export function twilioSignature(authToken: string, url: string, parameters: URLSearchParams): string {
  const names = [...new Set(parameters.keys())].sort()
  const signed = names.map((name) =>
    [...new Set(parameters.getAll(name))]
      .sort()
      .map((value) => name + value)
      .join(''),
  )
  return createHmac('sha1', authToken)
    .update(url + signed.join(''), 'utf8')
    .digest('base64')
}

/** Whether a request came from Twilio. Takes the same time whatever is wrong with the signature. */
export function isFromTwilio(
  authToken: string,
  signature: string | undefined,
  url: string,
  parameters: URLSearchParams,
): boolean {
  const expected = Buffer.from(twilioSignature(authToken, url, parameters))
  const given = Buffer.from(signature ?? '')
  return given.length === expected.length && timingSafeEqual(given, expected)
}
