import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Carries out calls with Kafka's Java client: reads one a line, prints one line about each. Compiles with the clients
 * from 2.8 on, so it uses what they have in common.
 */
public final class Calls {
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final String ABSENT = "-";

  private final String bootstrap;
  private final Admin admin;
  private final Map<String, List<Member>> joined = new HashMap<>();

  private Calls(String bootstrap) {
    this.bootstrap = bootstrap;
    this.admin = Admin.create(common());
  }

  public static void main(String[] arguments) throws Exception {
    PrintStream answers = new PrintStream(System.out, true, "UTF-8");
    Calls calls = new Calls(arguments[0]);
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      answers.println(calls.answer(new Call(line)).replace('\n', ' '));
    }
    // Threads of clients that failed must not keep the process.
    System.exit(0);
  }

  private String answer(Call call) {
    try {
      return carryOut(call);
    } catch (ExecutionException error) {
      return "! " + error.getCause().getClass().getSimpleName();
    } catch (Exception error) {
      Throwable cause = error.getCause() == null || error instanceof TimeoutException ? error : error.getCause();
      return "! " + cause.getClass().getSimpleName();
    }
  }

  private String carryOut(Call call) throws Exception {
    switch (call.name) {
      case "create": return create(call);
      case "delete": return done(admin.deleteTopics(List.of(call.topic())).all());
      case "topics": return prefixed(admin.listTopics().names().get(), call);
      case "describe": return describe(call);
      case "grow": return done(admin.createPartitions(Map.of(call.topic(), NewPartitions.increaseTo(call.number("partitions")))).all());
      case "configs": return configs(call);
      case "configure": return configure(call);
      case "produce": return produce(call);
      case "read": return read(call);
      case "offset": return offset(call);
      case "truncate": return truncate(call);
      case "commit": return commit(call);
      case "committed": return committed(call);
      case "join": return join(call);
      case "take": return take(call);
      case "save": return save(call);
      case "leave": return leave(call);
      case "groups": return groups(call);
      case "group": return group(call);
      case "forget": return done(admin.deleteConsumerGroups(List.of(call.group())).all());
      case "forget-offset": return done(admin.deleteConsumerGroupOffsets(call.group(), Set.of(call.place())).all());
      case "transact": return transact(call);
      default: return ABSENT;
    }
  }

  private String create(Call call) throws Exception {
    NewTopic topic = new NewTopic(call.topic(), call.number("partitions"), (short) call.number("replication", 1));
    return done(admin.createTopics(List.of(topic.configs(call.pairs("configs")))).all());
  }

  private String describe(Call call) {
    try (KafkaConsumer<String, String> consumer = consumer(Map.of())) {
      List<PartitionInfo> found = consumer.partitionsFor(call.topic());
      List<String> parts = new ArrayList<>();
      for (PartitionInfo one : found == null ? List.<PartitionInfo>of() : found) {
        parts.add(one.partition() + ": leader " + one.leader().id() + " of " + ids(one.replicas()) + " in sync " + ids(one.inSyncReplicas()));
      }
      return parts.stream().sorted().collect(Collectors.joining("; "));
    }
  }

  private String configs(Call call) throws Exception {
    ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, call.topic());
    Config found = admin.describeConfigs(List.of(topic)).all().get().get(topic);
    List<String> parts = new ArrayList<>();
    for (String name : call.list("names")) {
      ConfigEntry entry = found.get(name);
      parts.add(entry == null ? name + " absent" : name + "=" + entry.value() + " (" + entry.source() + ")");
    }
    return String.join(", ", parts);
  }

  private String configure(Call call) throws Exception {
    List<AlterConfigOp> changes = new ArrayList<>();
    call.pairs("set").forEach((name, value) -> changes.add(new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET)));
    call.list("delete").forEach(name -> changes.add(new AlterConfigOp(new ConfigEntry(name, null), AlterConfigOp.OpType.DELETE)));
    ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, call.topic());
    return done(admin.incrementalAlterConfigs(Map.of(topic, changes)).all());
  }

  private String produce(Call call) throws Exception {
    Properties settings = common();
    settings.put("acks", call.text("acks", "all"));
    settings.put("enable.idempotence", call.text("idempotent", "false"));
    settings.put("compression.type", call.text("compression", "none"));
    settings.put("max.request.size", 16_000_000);
    settings.put("max.block.ms", 3_000);
    settings.put("delivery.timeout.ms", 10_000);
    // One batch for all records of a call.
    settings.put("linger.ms", 50);
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      for (String value : call.values()) {
        Long time = call.has("time") ? Long.valueOf(call.text("time", "")) : null;
        ProducerRecord<String, String> record = new ProducerRecord<>(call.topic(), call.partition(), time, call.text("key", null), value);
        call.pairs("headers").forEach((name, text) -> record.headers().add(name, text.getBytes(StandardCharsets.UTF_8)));
        sent.add(producer.send(record));
      }
      List<String> offsets = new ArrayList<>();
      for (Future<RecordMetadata> one : sent) {
        offsets.add(Long.toString(one.get().offset()));
      }
      return String.join(", ", offsets);
    }
  }

  private String read(Call call) {
    Map<String, String> settings = Map.of("auto.offset.reset", "none", "isolation.level", call.text("isolation", "read_uncommitted"));
    try (KafkaConsumer<String, String> consumer = consumer(settings)) {
      consumer.assign(List.of(call.place()));
      consumer.seek(call.place(), call.number("from"));
      List<String> seen = new ArrayList<>();
      long deadline = System.nanoTime() + LIMIT.toNanos();
      while (seen.size() < call.number("count")) {
        consumer.poll(Duration.ofMillis(100)).forEach(record -> seen.add(shown(record)));
        if (System.nanoTime() > deadline) throw new TimeoutException();
      }
      return String.join(", ", seen.subList(0, call.number("count")));
    }
  }

  private static String shown(ConsumerRecord<String, String> record) {
    StringBuilder text = new StringBuilder().append(record.offset()).append(' ').append(record.key()).append('=').append(record.value());
    for (Header header : record.headers()) {
      text.append(' ').append(header.key()).append(':').append(new String(header.value(), StandardCharsets.UTF_8));
    }
    return text.append(" @").append(record.timestamp()).toString();
  }

  private String offset(Call call) throws Exception {
    String at = call.text("at", "latest");
    OffsetSpec spec;
    switch (at) {
      case "earliest": spec = OffsetSpec.earliest(); break;
      case "latest": spec = OffsetSpec.latest(); break;
      case "newest":
        try {
          spec = (OffsetSpec) OffsetSpec.class.getMethod("maxTimestamp").invoke(null);
        } catch (NoSuchMethodException older) {
          return ABSENT;
        }
        break;
      default: spec = OffsetSpec.forTimestamp(Long.parseLong(at));
    }
    var found = admin.listOffsets(Map.of(call.place(), spec)).partitionResult(call.place()).get();
    return found.offset() + " @" + found.timestamp() + " epoch " + found.leaderEpoch().orElse(-1);
  }

  private String truncate(Call call) throws Exception {
    RecordsToDelete before = RecordsToDelete.beforeOffset(call.number("before"));
    return "from " + admin.deleteRecords(Map.of(call.place(), before)).lowWatermarks().get(call.place()).get().lowWatermark();
  }

  private String commit(Call call) {
    try (KafkaConsumer<String, String> consumer = consumer(Map.of("group.id", call.group()))) {
      consumer.assign(List.of(call.place()));
      String metadata = call.has("metadata-length") ? "m".repeat(call.number("metadata-length")) : call.text("metadata", "");
      consumer.commitSync(Map.of(call.place(), new OffsetAndMetadata(call.number("offset"), metadata)));
      return "done";
    }
  }

  private String committed(Call call) throws Exception {
    OffsetAndMetadata found = admin.listConsumerGroupOffsets(call.group()).partitionsToOffsetAndMetadata().get().get(call.place());
    return found == null ? "nothing" : found.offset() + " '" + found.metadata() + "'";
  }

  private String join(Call call) throws Exception {
    List<Member> members = joined.computeIfAbsent(call.group(), group -> new ArrayList<>());
    for (int number = 0; number < call.number("members", 1); number++) {
      Map<String, String> settings = new HashMap<>(Map.of("group.id", call.group(), "auto.offset.reset", "earliest"));
      settings.put("heartbeat.interval.ms", "200");
      if (call.has("assignor")) settings.put("partition.assignment.strategy", "org.apache.kafka.clients.consumer." + call.text("assignor", ""));
      if (call.has("instance")) settings.put("group.instance.id", call.text("instance", ""));
      if (call.has("protocol")) settings = new HashMap<>(Map.of("group.id", call.group(), "group.protocol", call.text("protocol", "")));
      Member member = new Member(consumer(settings), call.topic());
      members.add(member);
      member.start();
    }
    long deadline = System.nanoTime() + LIMIT.toNanos();
    while (System.nanoTime() < deadline) {
      List<List<Integer>> assigned = new ArrayList<>();
      for (Member member : members) {
        if (member.failure != null) {
          members.clear();
          throw member.failure;
        }
        assigned.add(member.assigned);
      }
      List<Integer> partitions = assigned.stream().flatMap(List::stream).collect(Collectors.toList());
      int wanted = call.number("partitions");
      boolean isShared = partitions.size() == wanted && Set.copyOf(partitions).size() == wanted;
      if (isShared && assigned.stream().noneMatch(List::isEmpty)) {
        // Who gets what is drawn with the ids of the members there.
        if (call.has("assignor")) return assigned.stream().map(List::size).sorted().collect(Collectors.toList()).toString();
        return assigned.stream().map(List::toString).sorted().collect(Collectors.joining(" "));
      }
      Thread.sleep(10);
    }
    throw new TimeoutException();
  }

  private String take(Call call) throws Exception {
    List<Member> members = joined.get(call.group());
    long deadline = System.nanoTime() + LIMIT.toNanos();
    while (System.nanoTime() < deadline) {
      // What was not committed comes again after a rebalance.
      TreeSet<String> taken = new TreeSet<>();
      members.forEach(member -> taken.addAll(member.taken()));
      if (taken.size() >= call.number("count")) return String.join(", ", taken);
      Thread.sleep(10);
    }
    throw new TimeoutException();
  }

  private String save(Call call) throws Exception {
    for (Member member : joined.get(call.group())) member.save();
    return "done";
  }

  private String leave(Call call) throws Exception {
    for (Member member : joined.remove(call.group())) member.leave();
    return "done";
  }

  private String groups(Call call) throws Exception {
    List<String> names = new ArrayList<>();
    admin.listConsumerGroups().all().get().forEach(one -> names.add(one.groupId()));
    return prefixed(names, call);
  }

  private String group(Call call) throws Exception {
    ConsumerGroupDescription found = admin.describeConsumerGroups(List.of(call.group())).all().get().get(call.group());
    List<String> members = new ArrayList<>();
    found.members().forEach(one -> members.add(partitions(one.assignment().topicPartitions()).toString()));
    return found.state() + " '" + found.partitionAssignor() + "' coordinated by " + found.coordinator().id() + members.stream().sorted().collect(Collectors.toList());
  }

  private String transact(Call call) throws Exception {
    Properties settings = common();
    settings.put("transactional.id", call.text("id", ""));
    settings.put("max.block.ms", 5_000);
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
      producer.initTransactions();
      return "done";
    }
  }

  private Properties common() {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    settings.put("request.timeout.ms", 5_000);
    settings.put("default.api.timeout.ms", 10_000);
    settings.put("retry.backoff.ms", 20);
    return settings;
  }

  private KafkaConsumer<String, String> consumer(Map<String, String> settings) {
    Properties all = common();
    all.put("enable.auto.commit", "false");
    all.putAll(settings);
    return new KafkaConsumer<>(all, new StringDeserializer(), new StringDeserializer());
  }

  private static String done(KafkaFuture<?> future) throws Exception {
    future.get();
    return "done";
  }

  private static String prefixed(Collection<String> names, Call call) {
    return names.stream().filter(name -> name.startsWith(call.text("prefix", ""))).sorted().collect(Collectors.joining(" "));
  }

  private static List<Integer> ids(Node[] nodes) {
    return Arrays.stream(nodes).map(Node::id).sorted().collect(Collectors.toList());
  }

  private static List<Integer> partitions(Collection<TopicPartition> all) {
    return all.stream().map(TopicPartition::partition).sorted().collect(Collectors.toList());
  }

  /** A consumer in a group: polls on a thread of its own until it leaves. */
  private static final class Member extends Thread {
    private final KafkaConsumer<String, String> consumer;
    private final List<String> taken = new ArrayList<>();
    private volatile boolean leaving;
    private volatile boolean saving;
    volatile List<Integer> assigned = List.of();
    volatile RuntimeException failure;

    Member(KafkaConsumer<String, String> consumer, String topic) {
      this.consumer = consumer;
      consumer.subscribe(List.of(topic));
      setDaemon(true);
    }

    @Override
    public void run() {
      try (consumer) {
        while (!leaving) {
          for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(50))) {
            synchronized (taken) {
              taken.add(record.partition() + "/" + record.offset() + "=" + record.value());
            }
          }
          assigned = partitions(consumer.assignment());
          if (saving) {
            consumer.commitSync();
            saving = false;
          }
        }
      } catch (RuntimeException error) {
        failure = error;
      }
    }

    List<String> taken() {
      synchronized (taken) {
        return List.copyOf(taken);
      }
    }

    void save() throws InterruptedException {
      saving = true;
      while (saving && failure == null) Thread.sleep(5);
      if (failure != null) throw failure;
    }

    void leave() throws InterruptedException {
      leaving = true;
      join(LIMIT.toMillis());
    }
  }

  /** A call as written: {@code name key=value key=value}. */
  private static final class Call {
    final String name;
    private final Map<String, String> arguments = new TreeMap<>();

    Call(String line) {
      String[] words = line.trim().split(" ");
      name = words[0];
      for (String word : Arrays.asList(words).subList(1, words.length)) {
        int at = word.indexOf('=');
        arguments.put(word.substring(0, at), word.substring(at + 1));
      }
    }

    boolean has(String key) { return arguments.containsKey(key); }
    String text(String key, String otherwise) { return arguments.getOrDefault(key, otherwise); }
    int number(String key) { return Integer.parseInt(arguments.get(key)); }
    int number(String key, int otherwise) { return has(key) ? number(key) : otherwise; }
    String topic() { return arguments.get("topic"); }
    String group() { return arguments.get("group"); }
    Integer partition() { return has("partition") ? (Integer) number("partition") : null; }
    TopicPartition place() { return new TopicPartition(topic(), number("partition")); }
    List<String> list(String key) { return has(key) ? List.of(arguments.get(key).split(",")) : List.of(); }

    Map<String, String> pairs(String key) {
      Map<String, String> pairs = new TreeMap<>();
      list(key).forEach(pair -> pairs.put(pair.split(":", 2)[0], pair.split(":", 2)[1]));
      return pairs;
    }

    List<String> values() {
      return has("length") ? List.of("v".repeat(number("length"))) : list("values");
    }
  }
}
