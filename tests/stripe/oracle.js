// What Stripe's own library for Node signs, and what it believes.
//
//     oracle.js FOLDER    with its node_modules
//
// A line of JSON in ({"secret", "body" in base64, "at", "header"}), a line out:
// with a header, whether the library believes it; without, the header it makes.
const stripe = require(process.argv[2] + "/node_modules/stripe");
const { webhooks } = (stripe.default || stripe)("sk_test_of_an_oracle");

function answer({ secret, body, at, header }) {
    const payload = Buffer.from(body, "base64");
    if (header === undefined)
        return webhooks.generateTestHeaderString(
            { payload: payload.toString(), secret, timestamp: at });
    try {
        webhooks.constructEvent(payload, header, secret);
        return true;
    } catch (why) {
        return false;
    }
}

const lines = require("readline").createInterface({ input: process.stdin });
lines.on("line", (line) => console.log(JSON.stringify(answer(JSON.parse(line)))));
