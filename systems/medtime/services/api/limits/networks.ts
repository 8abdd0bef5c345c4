import { z } from 'zod'

/** Addresses and networks such as `10.0.0.0/8`, separated by commas. */
export const networks = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== ''),
  )
  .pipe(z.array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()])))

/** This machine itself. */
export const loopback = ['127.0.0.0/8', '::1']
