package org.clipc.runtime.weights;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.clipc.program.Parameter;

/**
 * The names of transformers' models (huggingface/transformers, {@code models/clip/modeling_clip.py} and {@code
 * models/siglip/modeling_siglip.py}).
 */
final class HuggingFaceNames {

    private static final String TEXT = "text_model.";
    private static final String VISION = "vision_model.";

    /** State dicts of transformers before 4.31 have them. */
    private static final Set<String> BUFFERS =
            Set.of(TEXT + "embeddings.position_ids", VISION + "embeddings.position_ids");

    private final Map<String, Stored> rows = new LinkedHashMap<>();
    private final List<Parameter> parameters;

    private HuggingFaceNames(List<Parameter> parameters) {
        this.parameters = parameters;
    }

    /** Of CLIPModel, with as many layers as the program has. */
    static WeightLayout clipModel(List<Parameter> parameters) {
        var table = new HuggingFaceNames(parameters);
        table.towers();
        table.same("logit_scale", "logit_scale");
        table.transposed("text_projection", "text_projection.weight");
        table.affine("visual.ln_pre", VISION + "pre_layrnorm");
        table.transposed("visual.proj", "visual_projection.weight");
        if (!table.hasSeveralClassTokens()) {
            table.same("visual.class_embedding", VISION + "embeddings.class_embedding");
        }
        return new WeightLayout(" under the names of transformers' CLIPModel", table.rows, BUFFERS);
    }

    /** Of SiglipModel, likewise. */
    static WeightLayout siglipModel(List<Parameter> parameters) {
        var table = new HuggingFaceNames(parameters);
        table.towers();
        table.batched("logit_scale", "logit_scale");
        table.batched("logit_bias", "logit_bias");
        table.affine("text_projection", TEXT + "head");
        table.same("visual.conv1.bias", VISION + "embeddings.patch_embedding.bias");
        table.pooling("visual.attn_pool", VISION + "head");
        return new WeightLayout(" under the names of transformers' SiglipModel", table.rows, BUFFERS);
    }

    private void towers() {
        same("token_embedding.weight", TEXT + "embeddings.token_embedding.weight");
        same("positional_embedding", TEXT + "embeddings.position_embedding.weight");
        layers("transformer.resblocks.", TEXT + "encoder.layers.");
        affine("ln_final", TEXT + "final_layer_norm");
        same("visual.conv1.weight", VISION + "embeddings.patch_embedding.weight");
        same("visual.positional_embedding", VISION + "embeddings.position_embedding.weight");
        layers("visual.transformer.resblocks.", VISION + "encoder.layers.");
        affine("visual.ln_post", VISION + "post_layernorm");
    }

    private void layers(String parameter, String name) {
        for (var i = 0; i < count(parameter); i++) {
            layer(parameter + i, name + i);
        }
    }

    private void layer(String parameter, String name) {
        affine(parameter + ".ln_1", name + ".layer_norm1");
        for (var kind : List.of("weight", "bias")) {
            var parts = Stream.of("q_proj.", "k_proj.", "v_proj.").map(part -> name + ".self_attn." + part + kind);
            rows.put(parameter + ".attn.in_proj_" + kind, new Stored.Stacked(parts.toList()));
        }
        affine(parameter + ".attn.out_proj", name + ".self_attn.out_proj");
        affine(parameter + ".ln_2", name + ".layer_norm2");
        mlp(parameter + ".mlp", name + ".mlp");
    }

    private void pooling(String parameter, String name) {
        batched(parameter + ".probe", name + ".probe");
        same(parameter + ".in_proj_weight", name + ".attention.in_proj_weight");
        same(parameter + ".in_proj_bias", name + ".attention.in_proj_bias");
        affine(parameter + ".out_proj", name + ".attention.out_proj");
        affine(parameter + ".ln", name + ".layernorm");
        mlp(parameter + ".mlp", name + ".mlp");
    }

    private void mlp(String parameter, String name) {
        affine(parameter + ".c_fc", name + ".fc1");
        affine(parameter + ".c_proj", name + ".fc2");
    }

    private void affine(String parameter, String name) {
        same(parameter + ".weight", name + ".weight");
        same(parameter + ".bias", name + ".bias");
    }

    private void same(String parameter, String name) {
        rows.put(parameter, new Stored.Same(name));
    }

    private void batched(String parameter, String name) {
        rows.put(parameter, new Stored.Batched(name));
    }

    private void transposed(String parameter, String name) {
        rows.put(parameter, new Stored.Transposed(name));
    }

    /** Layers of the tower whose parameters' names begin so. */
    private int count(String prefix) {
        return (int) parameters.stream()
                .map(Parameter::name)
                .filter(name -> name.startsWith(prefix))
                .map(name -> name.substring(prefix.length()).replaceFirst("\\..*", ""))
                .distinct()
                .count();
    }

    private boolean hasSeveralClassTokens() {
        return parameters.stream()
                .anyMatch(p ->
                        p.name().equals("visual.class_embedding") && p.type().rank() > 1);
    }
}
