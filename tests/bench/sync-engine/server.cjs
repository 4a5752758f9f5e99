// Stripe's sync engine as its README has one use it, behind Node's own server:
// its migrations, then each webhook to processWebhook(), and 200 when it is done.
//   DATABASE_URL=... WEBHOOK_SECRET=whsec_... PORT=... node server.cjs
// It is told to ask nothing of Stripe, as it is by default: the key is no key.
const http = require('node:http')
const { StripeSync, runMigrations } = require('@supabase/stripe-sync-engine')

const { DATABASE_URL, WEBHOOK_SECRET, PORT } = process.env
const quiet = () => {}
const logger = { info: quiet, warn: quiet, debug: quiet, error: console.error }

async function readAll(request) {
  const parts = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts)
}

async function main() {
  await runMigrations({ databaseUrl: DATABASE_URL, schema: 'stripe', logger })
  const sync = new StripeSync({
    poolConfig: { connectionString: DATABASE_URL, max: 10 },
    stripeSecretKey: 'sk_test_none',
    stripeWebhookSecret: WEBHOOK_SECRET,
    logger,
  })
  http
    .createServer(async (request, response) => {
      let status = 200
      try {
        await sync.processWebhook(await readAll(request), request.headers['stripe-signature'])
      } catch (error) {
        console.error(error)
        status = 400
      }
      const body = '{"received":true}\n'
      response.writeHead(status, {
        'Content-Type': 'application/json',
        'Content-Length': body.length,
      })
      response.end(body)
    })
    .listen(Number(PORT), '127.0.0.1')
}

main()
