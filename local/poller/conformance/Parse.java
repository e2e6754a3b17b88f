// Parses events, a line each, as the Lambda runtime for Java does before it calls a function.

import com.amazonaws.services.lambda.runtime.events.KafkaEvent;
import com.amazonaws.services.lambda.runtime.serialization.events.LambdaEventSerializers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;

public class Parse {
  public static void main(String[] arguments) throws Exception {
    var serializer = LambdaEventSerializers.serializerFor(KafkaEvent.class, Parse.class.getClassLoader());
    int records = 0;
    for (String line : Files.readAllLines(Path.of(arguments[0]))) {
      KafkaEvent event = serializer.fromJson(line);
      check(event.getBootstrapServers() != null && event.getEventSource() != null, line);
      for (List<KafkaEvent.KafkaEventRecord> partition : event.getRecords().values()) {
        for (KafkaEvent.KafkaEventRecord record : partition) {
          check(record.getOffset() >= 0 && record.getTimestamp() > 0, line);
          check(record.getTopic() != null && record.getTimestampType().equals("CREATE_TIME"), line);
          if (record.getValue() != null) Base64.getDecoder().decode(record.getValue());
          for (Map<String, byte[]> header : record.getHeaders()) check(header.size() == 1, line);
          records++;
        }
      }
    }
    check(records > 50, "only " + records + " records");
    System.out.println("aws-lambda-java-events reads " + records + " records");
  }

  static void check(boolean holds, String what) {
    if (!holds) throw new AssertionError(what);
  }
}
