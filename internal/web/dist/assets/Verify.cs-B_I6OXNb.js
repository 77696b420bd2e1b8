var e=`using System;
using System.Linq;
using System.Security.Cryptography;
using System.Text;

public static class Webhook
{
    /// Throws where a request is not Switchhook's. header: what gives a header by its name, such as
    /// name => Request.Headers[name]. body: the request's, byte by byte as it came, or of a GET
    /// request its query without the question mark.
    public static void Verify(string secret, Func<string, string> header, byte[] body)
    {
        var key = Convert.FromBase64String(secret.StartsWith("whsec_") ? secret.Substring(6) : secret);
        var timestamp = header("webhook-timestamp");
        if (!long.TryParse(timestamp, out var seconds) || Math.Abs(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - seconds) > 300)
            throw new CryptographicException("the request is too old, or from the future");
        var signed = Encoding.UTF8.GetBytes(header("webhook-id") + "." + timestamp + ".").Concat(body).ToArray();
        byte[] expected;
        using (var mac = new HMACSHA256(key)) expected = mac.ComputeHash(signed);
        // There are two signatures while a secret is being changed.
        foreach (var signature in (header("webhook-signature") ?? "").Split(' '))
            if (signature.StartsWith("v1,") && Same(signature.Substring(3), Convert.ToBase64String(expected))) return;
        throw new CryptographicException("the signature is not ours");
    }

    // Compares in a time that tells nothing.
    private static bool Same(string a, string b)
    {
        var differs = a.Length ^ b.Length;
        for (var i = 0; i < a.Length && i < b.Length; i++) differs |= a[i] ^ b[i];
        return differs == 0;
    }
}
`;export{e as default};