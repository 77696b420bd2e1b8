<?php

require 'verify.php';

while (($line = fgets(STDIN)) !== false) {
    [$secret, $id, $timestamp, $signature, $body] = array_map('base64_decode', explode("\t", rtrim($line, "\n")));
    try {
        verify($secret, ['webhook-id' => $id, 'webhook-timestamp' => $timestamp, 'webhook-signature' => $signature], $body);
        echo "true\n";
    } catch (Exception) {
        echo "false\n";
    }
}
