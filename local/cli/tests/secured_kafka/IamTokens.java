import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.UnsupportedCallbackException;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.security.auth.AuthenticateCallbackHandler;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerToken;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallback;

/** Takes the tokens that MSK would take, from a certain user, as far as that can be said without AWS. */
public final class IamTokens implements AuthenticateCallbackHandler {
  private static final String BEGIN = "https://kafka.us-east-1.amazonaws.com/?Action=kafka-cluster%3AConnect&";
  private static final String USER = "&X-Amz-Credential=AKIDEXAMPLE%2F";

  @Override
  public void configure(Map<String, ?> configs, String mechanism, List<AppConfigurationEntry> entries) {}

  @Override
  public void close() {}

  @Override
  public void handle(Callback[] callbacks) throws UnsupportedCallbackException {
    for (Callback callback : callbacks) {
      if (!(callback instanceof OAuthBearerValidatorCallback asked)) {
        throw new UnsupportedCallbackException(callback);
      }
      String url = new String(Base64.getUrlDecoder().decode(asked.tokenValue()), StandardCharsets.UTF_8);
      if (url.startsWith(BEGIN) && url.contains(USER)) {
        asked.token(new Token(asked.tokenValue(), System.currentTimeMillis()));
      } else {
        asked.error("invalid_token", null, null);
      }
    }
  }

  private record Token(String value, Long startTimeMs) implements OAuthBearerToken {
    @Override
    public Set<String> scope() {
      return Set.of();
    }

    @Override
    public long lifetimeMs() {
      return startTimeMs + 900_000;
    }

    @Override
    public String principalName() {
      return "AKIDEXAMPLE";
    }
  }
}
