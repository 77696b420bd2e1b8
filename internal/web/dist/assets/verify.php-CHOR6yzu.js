var e=`<?php

/**
 * Throws where a request is not Switchhook's. $body: file_get_contents('php://input'), or of a
 * GET request $_SERVER['QUERY_STRING']. $headers: array_change_key_case(getallheaders()).
 */
function verify(string $secret, array $headers, string $body): void
{
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret));
    $id = $headers['webhook-id'] ?? '';
    $timestamp = $headers['webhook-timestamp'] ?? '';
    if (!ctype_digit($timestamp) || abs(time() - (int) $timestamp) > 300) {
        throw new Exception('the request is too old, or from the future');
    }
    $expected = base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    // There are two signatures while a secret is being changed.
    foreach (explode(' ', $headers['webhook-signature'] ?? '') as $signature) {
        [$version, $value] = explode(',', $signature, 2) + ['', ''];
        if ($version === 'v1' && hash_equals($expected, $value)) {
            return;
        }
    }
    throw new Exception('the signature is not ours');
}
`;export{e as default};