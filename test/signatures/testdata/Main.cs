using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.Text;

public static class Program
{
    public static void Main()
    {
        for (string line; (line = Console.ReadLine()) != null;)
        {
            var f = line.Split('\t').Select(Convert.FromBase64String).ToArray();
            var headers = new Dictionary<string, string>
            {
                ["webhook-id"] = Encoding.UTF8.GetString(f[1]),
                ["webhook-timestamp"] = Encoding.UTF8.GetString(f[2]),
                ["webhook-signature"] = Encoding.UTF8.GetString(f[3]),
            };
            try
            {
                Webhook.Verify(Encoding.UTF8.GetString(f[0]), name => headers[name], f[4]);
                Console.WriteLine("true");
            }
            catch (CryptographicException)
            {
                Console.WriteLine("false");
            }
        }
    }
}
