// The consumer of Hokusai's guide in Node: Express parses the body, and the verifier signs what it serialises again.
//   WEBHOOK_SECRET=… node hokusai_consumer.js <port>
const crypto = require('crypto');
const express = require('express');

const app = express();
app.use(express.json());

function verifyWebhookSignature(payload, signature, secret) {
    const expectedSignature = crypto
        .createHmac('sha256', secret)
        .update(payload)
        .digest('hex');

    return crypto.timingSafeEqual(
        Buffer.from(signature),
        Buffer.from(expectedSignature)
    );
}

app.post('/api/models/ready', (req, res) => {
    const signature = req.headers['x-hokusai-signature'];
    const payload = JSON.stringify(req.body);

    if (!verifyWebhookSignature(payload, signature, process.env.WEBHOOK_SECRET)) {
        return res.status(401).json({ error: 'Invalid signature' });
    }

    res.json({ status: 'success' });
});

app.listen(Number(process.argv[2]), '127.0.0.1');
